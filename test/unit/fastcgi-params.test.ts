import { describe, expect, it } from 'vitest';
import { cgiParams, type ParamsInput } from '../../src/origin/fastcgi/params.ts';

const INPUT: ParamsInput = {
  method: 'GET',
  target: '/a.php/b%20c?q=%20',
  lines: ['host', 'www.example.org:8443', 'x-forwarded-proto', 'https'],
  contentLength: undefined,
  client: '192.0.2.7',
  script: { name: '/a.php', filename: '/srv/a.php', pathInfo: '/b c', path: '/a.php/b c' },
  root: '/srv',
  extra: {},
};

const params = (change: Partial<ParamsInput> = {}): Record<string, string> =>
  Object.fromEntries(cgiParams({ ...INPUT, ...change }));

describe('the variables of a request', () => {
  it('are those of RFC 3875 and of nginx', () => {
    expect(params()).toEqual({
      GATEWAY_INTERFACE: 'CGI/1.1',
      SERVER_SOFTWARE: 'holdfast',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_NAME: 'www.example.org',
      SERVER_PORT: '8443',
      REMOTE_ADDR: '192.0.2.7',
      REQUEST_METHOD: 'GET',
      REQUEST_SCHEME: 'https',
      REQUEST_URI: '/a.php/b%20c?q=%20',
      QUERY_STRING: 'q=%20',
      DOCUMENT_ROOT: '/srv',
      DOCUMENT_URI: '/a.php/b c',
      SCRIPT_NAME: '/a.php',
      SCRIPT_FILENAME: '/srv/a.php',
      PATH_INFO: '/b c',
      PATH_TRANSLATED: '/srv/b c',
      CONTENT_TYPE: '',
      CONTENT_LENGTH: '',
      REDIRECT_STATUS: '200',
      HTTPS: 'on',
      HTTP_HOST: 'www.example.org:8443',
      HTTP_X_FORWARDED_PROTO: 'https',
    });
  });

  it.each([
    ['example.org', 'example.org', '443'],
    ['[2001:db8::1]:8080', '[2001:db8::1]', '8080'],
    ['[2001:db8::1]', '[2001:db8::1]', '443'],
    ['', '', '443'],
  ])('have the host %s as %s and port %s', (host, name, port) => {
    const lines = ['host', host, 'x-forwarded-proto', 'https'];
    expect(params({ lines })).toMatchObject({ SERVER_NAME: name, SERVER_PORT: port });
  });

  it('do not say HTTPS over plain HTTP', () => {
    const plain = params({ lines: ['host', 'a', 'x-forwarded-proto', 'http'] });
    expect(plain).toMatchObject({ REQUEST_SCHEME: 'http', SERVER_PORT: '80' });
    expect(plain).not.toHaveProperty('HTTPS');
  });

  it('have the length and type of the content, and those under no other name', () => {
    const lines = ['Content-Type', 'text/plain', 'Content-Length', '99'];
    const with7 = params({ lines, contentLength: 7 });
    expect(with7).toMatchObject({ CONTENT_TYPE: 'text/plain', CONTENT_LENGTH: '7' });
    expect(with7).not.toHaveProperty('HTTP_CONTENT_LENGTH');
    expect(with7).not.toHaveProperty('HTTP_CONTENT_TYPE');
    expect(params({ contentLength: 0 }).CONTENT_LENGTH).toBe('0');
  });

  it('have fields as HTTP_*, several of a name as one', () => {
    const lines = ['X-A', '1', 'x-a', '2', 'Cookie', 'a=1', 'cookie', 'b=2', 'Authorization', 'Basic eA=='];
    expect(params({ lines })).toMatchObject({
      HTTP_X_A: '1, 2',
      HTTP_COOKIE: 'a=1; b=2',
      HTTP_AUTHORIZATION: 'Basic eA==',
    });
  });

  it('have no HTTP_PROXY (httpoxy)', () => {
    for (const name of ['Proxy', 'PROXY', 'proxy']) {
      expect(params({ lines: [name, 'http://evil'] })).not.toHaveProperty('HTTP_PROXY');
    }
  });

  it('let no field with "_" or other characters stand for one with "-"', () => {
    const lines = [
      'X_Forwarded_For',
      '6.6.6.6',
      'X-Forwarded_For',
      '6.6.6.6',
      'x-forwarded-for',
      '192.0.2.7',
      'A.B',
      'x',
    ];
    const made = params({ lines });
    expect(made.HTTP_X_FORWARDED_FOR).toBe('192.0.2.7');
    expect(Object.keys(made).filter((name) => name.includes('.'))).toEqual([]);
  });

  it('let no field set what is not HTTP_*', () => {
    const names = ['Script-Filename', 'PHP-VALUE', 'Document-Root', 'Https', 'Remote-Addr'];
    const made = params({ lines: names.flatMap((name) => [name, 'evil']) });
    const evil = Object.entries(made).filter(([, value]) => value === 'evil');
    expect(evil.map(([name]) => name).every((name) => name.startsWith('HTTP_'))).toBe(true);
    expect(evil).toHaveLength(names.length);
  });

  it("are the operator's where he says so", () => {
    expect(params({ extra: { SERVER_NAME: 'x', APP_ENV: 'dev' } })).toMatchObject({
      SERVER_NAME: 'x',
      APP_ENV: 'dev',
    });
  });
});
