// What injection probes look like, rule by rule: an id to exclude it by, a score, a pattern. Patterns see text that was
// decoded and put in lower case (probes.ts).
//
// INVARIANT: a pattern repeats nothing without a bound (no `*`, no `+`, no `{n,}`), and its bounds are small: so the time
// it takes grows with the length of the text and no faster, whatever the text is. A test reads the patterns for that.

export interface ProbeRule {
  readonly id: string;
  /** 5: nothing but a probe looks like that. 3: seldom meant well. 2: only beside others. */
  readonly score: 2 | 3 | 5;
  readonly pattern: RegExp;
}

/** White space, and what databases take for it. */
const GAP = '(?:[\\s+]|/\\*.{0,20}?\\*/){1,5}';

const rule = (id: string, score: ProbeRule['score'], ...parts: readonly string[]): ProbeRule => ({
  id,
  score,
  pattern: new RegExp(parts.join(''), 's'),
});

export const PROBE_RULES: readonly ProbeRule[] = [
  rule('sql-union', 5, `\\bunion${GAP}(?:all${GAP}|distinct${GAP})?\\(?select\\b`),
  rule(
    'sql-select',
    3,
    `\\bselect\\b.{1,60}?\\bfrom${GAP}(?:information_schema|pg_catalog|mysql\\.|sys\\.|sqlite_)`,
  ),
  rule(
    'sql-tautology',
    5,
    `['"\`)]\\s{0,5}(?:or|and|\\|\\||&&)\\s{1,5}['"\`(]?(\\w{1,20})['"\`)]?\\s{0,5}(?:=|like)\\s{0,5}['"\`(]?\\1\\b`,
  ),
  rule('sql-number', 3, `\\b(?:or|and)\\s{1,5}(\\d{1,10})\\s{0,5}=\\s{0,5}\\1\\b`),
  rule('sql-comment', 2, `['"\`)]\\s{0,5}(?:--[\\s-]|--$|#$|/\\*|;\\s{0,5}--)`),
  rule(
    'sql-stacked',
    5,
    `;\\s{0,5}(?:drop|alter|truncate|create)\\s{1,5}(?:table|database|schema|user|view)\\b`,
  ),
  rule('sql-write', 3, `\\b(?:insert\\s{1,5}into|delete\\s{1,5}from|update\\s{1,5}\\w{1,40}\\s{1,5}set)\\b`),
  rule(
    'sql-time',
    5,
    `\\b(?:sleep|pg_sleep|benchmark|dbms_pipe\\.receive_message)\\s{0,5}\\(|\\bwaitfor\\s{1,5}delay\\b`,
  ),
  rule(
    'sql-file',
    5,
    `\\b(?:load_file\\s{0,5}\\(|into\\s{1,5}(?:out|dump)file\\b|xp_cmdshell\\b|utl_http\\.)`,
  ),
  rule('sql-function', 3, `\\b(?:extractvalue|updatexml|group_concat|char|concat_ws|unhex)\\s{0,5}\\(`),
  rule('xss-script', 5, `<\\s{0,5}/?script\\b`),
  rule(
    'xss-tag',
    3,
    `<\\s{0,5}(?:iframe|object|embed|svg|math|img|body|video|audio|details|base|link|meta|form|input|marquee)\\b`,
  ),
  rule('xss-handler', 3, `[\\s"'\`/<>]on[a-z]{3,25}\\s{0,5}=`),
  rule('xss-scheme', 3, `\\b(?:javascript|vbscript)\\s{0,5}:|\\bdata\\s{0,5}:\\s{0,5}text/html`),
  rule(
    'xss-sink',
    3,
    `\\b(?:document\\.(?:cookie|write|domain)|window\\.location|eval\\s{0,5}\\(|alert\\s{0,5}\\(|string\\.fromcharcode)`,
  ),
  rule('path-traversal', 5, `=\\.\\.[/\\\\]|\\.\\.[/\\\\].{0,40}?\\.\\.[/\\\\]|[/\\\\=]\\.\\.\\\\`),
  rule('path-up', 3, `[/?&:]\\.\\.[/\\\\]`),
  rule(
    'path-file',
    5,
    `(?:/etc/(?:passwd|shadow|hosts|group)\\b|/proc/self/|\\bwin\\.ini\\b|\\bboot\\.ini\\b|/windows/system32|\\bweb\\.config\\b|\\bwp-config\\.php\\b)`,
  ),
  rule('path-secret', 5, `/\\.(?:env|git|svn|hg|htpasswd|aws|ssh|ds_store)(?:[/?.]|$)`),
  rule('path-wrapper', 5, `\\b(?:php|phar|zip|expect|glob|file|gopher|dict)://`),
  rule('null-byte', 5, `\\x00`),
  rule(
    'line-break',
    3,
    `[\\r\\n]\\s{0,5}(?:set-cookie|location|content-type|content-length|transfer-encoding|http/1)\\b`,
  ),
  rule(
    'log4shell',
    5,
    `\\$\\{\\s{0,5}(?:jndi|\\$\\{|(?:lower|upper|env|sys|date|main|k8s|docker|ctx|bundle|java)\\s{0,5}:|::-)`,
  ),
  rule(
    'template',
    3,
    `(?:\\{\\{|<%=|#\\{|\\$\\{|\\*\\{).{0,40}?(?:\\d\\s{0,3}\\*\\s{0,3}\\d|__class__|getruntime|processbuilder|self\\.)`,
  ),
  rule(
    'shell-command',
    5,
    `(?:[;|&\`\\n]|\\$\\(|\\|\\|)\\s{0,5}(?:/(?:usr/)?s?bin/)?(?:cat|id|whoami|uname|wget|curl|nc|netcat|bash|sh|zsh|python3?|perl|ping|nslookup|ls|powershell|cmd(?:\\.exe)?)(?:\\s|\\$ifs|$|[;|&\`)/<>])`,
  ),
  rule('shell-path', 3, `(?:/bin/(?:ba|z|da|k|c)?sh\\b|/dev/(?:tcp|udp)/|\\$\\{?ifs\\b|\\bcmd\\.exe\\b)`),
  rule('shellshock', 5, `\\(\\)\\s{0,5}\\{\\s{0,5}(?::|\\w{1,20}|_)\\s{0,5};?\\s{0,5}\\}\\s{0,5};`),
];
