// Parsers for command line values, as commander wants them.

import { InvalidArgumentError } from 'commander';

export function naturalNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number, 0 or more.');
  return Number(text);
}

export function positiveNumber(text: string): number {
  const value = naturalNumber(text);
  if (value === 0) throw new InvalidArgumentError('must be 1 or more.');
  return value;
}

export function decimalNumber(text: string): number {
  if (!/^\d{1,3}(\.\d{1,6})?$/.test(text)) throw new InvalidArgumentError('must be a number such as 0.9.');
  return Number(text);
}

/** A list such as "1,2,3". */
export function numbers(text: string): readonly number[] {
  return text.split(',').map(decimalNumber);
}
