// Why a response is not stored: each reason with its sentence, for logs, docs and `detail` of Cache-Status.

/** One sentence for each reason. */
export const NO_STORE_REASONS = {
  bypass: 'The route forwards everything and stores nothing.',
  head: 'The answer to HEAD has no content to store.',
  method: 'The request method is not one whose responses are stored (RFC 9111 §3).',
  'request-content': 'The GET request carried content, which the cache key does not cover.',
  'request-no-store': 'The client forbids storing by no-store (RFC 9111 §5.2.1.5).',
  interim: 'An interim response (1xx) is never final (RFC 9111 §3).',
  'not-modified': 'A 304 updates a stored response and is not stored itself (RFC 9111 §3).',
  'for-this-request-only':
    'The status (412, 416) answers a condition or range of this one request, or (408, 413, 417, 421, 425) blames it.',
  'status-never-stored': 'A 428, 429, 431 or 511 must not be stored (RFC 6585 §3 to §6).',
  'status-not-understood':
    'The response says must-understand, and its status code is not understood (RFC 9111 §5.2.2.3).',
  'partial-unreadable': 'A 206 without one valid Content-Range (RFC 9111 §3.3).',
  'post-not-for-get': 'A POST response without the Content-Location of its own URL (RFC 9110 §9.3.3).',
  malformed: 'The Cache-Control field cannot be read, so a restriction may be hidden in it.',
  'no-store': 'The origin forbids storing by no-store (RFC 9111 §5.2.2.5).',
  private: 'The response is for one user (RFC 9111 §5.2.2.7).',
  authorization:
    'The request carried Authorization, and nothing allows sharing its response (RFC 9111 §3.5).',
  'vary-star': 'Vary is "*" or unreadable, so no later request could match (RFC 9111 §4.1).',
  'set-cookie': 'The response sets a cookie, and the route does not say that such responses are stored.',
  'too-many-tags':
    'It carries over 64 KB of tags; without all of them a purge could miss it (docs/purging.md).',
  'no-freshness':
    'The status is stored only with explicit freshness or public, and there is neither (RFC 9111 §3).',
  'nothing-to-reuse': 'It is stale on arrival, cannot be validated, and may not be served stale.',
} as const satisfies Readonly<Record<string, string>>;

export type NoStoreReason = keyof typeof NO_STORE_REASONS;
