// `holdfast reload`: has the edge read its settings anew, and shows what it says of them.

import { messageOf } from './ask.ts';
import { askAdmin, fail, notAnswered, parseJson, type WhereOptions, whereIs } from './where.ts';

/** @returns the exit code: 0 when the new settings hold. @throws ConfigError for malformed addresses or a settings file. */
export async function reloadCommand(options: WhereOptions): Promise<number> {
  const where = whereIs(options);
  try {
    const answer = await askAdmin(where, 'POST', '/reload');
    const said = parseJson(answer.body);
    if (typeof said !== 'object' || said === null || !('ok' in said))
      return fail(notAnswered(where.admin, answer, 'a word on its settings'));
    if (said.ok !== true) return fail(`the old settings stay: ${'error' in said ? String(said.error) : ''}`);
    const waiting = 'atRestart' in said && Array.isArray(said.atRestart) ? said.atRestart.map(String) : [];
    process.stdout.write('the new settings hold\n');
    if (waiting.length > 0) process.stdout.write(`waiting for a restart: ${waiting.join(', ')}\n`);
    return 0;
  } catch (error) {
    return fail(messageOf(error));
  }
}
