// Where a FastCGI server listens, from the URL of the settings: fastcgi://host:port or fastcgi:///path/of.sock. Pure.

export interface FastCgiAddress {
  readonly host: string;
  readonly port: number;
  /** A unix socket's; host and port are then without meaning. */
  readonly path: string | undefined;
}

/** The longest name that a unix socket can have on every system. */
const MAX_SOCKET_PATH_BYTES = 103;

export function isFastCgi(url: string): boolean {
  return url.startsWith('fastcgi:');
}

/** undefined for what is no URL of a FastCGI server. */
export function parseFastCgiUrl(value: string): FastCgiAddress | undefined {
  const path = /^fastcgi:\/\/(\/[^?#\0]+)$/i.exec(value)?.[1];
  if (path !== undefined)
    return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES && !path.endsWith('/')
      ? { host: '', port: 0, path }
      : undefined;
  if (!/^fastcgi:\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+):\d{1,5}$/i.test(value)) return undefined;
  // A scheme that the URL parser knows, so that it checks host and port.
  const url = URL.parse(value.replace(/^fastcgi/i, 'ws'));
  if (url === null) return undefined;
  const port = url.port === '' ? 80 : Number(url.port);
  return port === 0 ? undefined : { host: url.hostname.replace(/^\[|\]$/g, ''), port, path: undefined };
}

/** As it stands in the settings, in one spelling. */
export function formatFastCgiUrl({ host, port, path }: FastCgiAddress): string {
  return path === undefined ? `fastcgi://${authorityOf(host, port)}` : `fastcgi://${path}`;
}

export function authorityOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
