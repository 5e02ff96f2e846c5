// What happens to stored records inside Redis, atomically: Lua. Keys, under a prefix:
//   <prefix>:generation       a name that every other key repeats; `clear` changes it, and all is gone at once
//   <prefix>:<gen>:h:<name>   a hash per cache key: d<variant> the description, m<variant> the meta (redis-record.ts)
//   <prefix>:<gen>:b:<id>     a hash per large content: 0, 1, 2, … its chunks. One key, so that Redis evicts it whole
//                             What is replaced or removed lingers for those who are reading it, and expires
//   <prefix>:<gen>:n          counts: records, bytes. What Redis evicts by itself is not taken off
// For one server (or one with replicas); not for Redis Cluster, where a script may not make up keys.

import { type Script, script } from './redis-connection.ts';

/** What was removed can be read for so long, and by those who read it as long as they say so. Memory that Redis may take back. */
export const LINGER_MS = 60_000;

const COMMON = `
local LINGER = ${LINGER_MS}
local prefix = ARGV[1]
local gen = redis.call('GET', KEYS[1]) or '0'
local head = prefix .. ':' .. gen .. ':h:' .. (ARGV[2] or '')
local counts = prefix .. ':' .. gen .. ':n'
local function id(d) return string.sub(d, 2, 23) end
local function content(d)
  if string.byte(d, 24) == 1 then return prefix .. ':' .. gen .. ':b:' .. id(d) end
end
local function linger(name)
  local left = redis.call('PTTL', name)
  if left == -1 or left > LINGER then redis.call('PEXPIRE', name, LINGER) end
end
local function bytes(d) return struct.unpack('<d', string.sub(d, 25, 32)) end
local function remove(field)
  local d = redis.call('HGET', head, 'd' .. field)
  if not d then return 0, 0 end
  redis.call('HDEL', head, 'd' .. field, 'm' .. field)
  if content(d) then linger(content(d)) end
  redis.call('HINCRBY', counts, 'records', -1)
  -- Not -bytes(d): of an empty content that is "-0", which is no integer to Redis.
  redis.call('HINCRBY', counts, 'bytes', string.format('%.0f', 0 - bytes(d)))
  return 1, bytes(d)
end
`;

const make = (text: string): Script => script(COMMON + text);

/** prefix, name → generation, then field, value, whether its content is there, … Content that is looked up counts as used. */
export const GET = make(`
local reply = {gen}
local all = redis.call('HGETALL', head)
for i = 1, #all, 2 do
  local there = 1
  if string.sub(all[i], 1, 1) == 'd' and content(all[i + 1]) then
    there = redis.call('TOUCH', content(all[i + 1]))
  end
  reply[#reply + 1] = all[i]
  reply[#reply + 1] = all[i + 1]
  reply[#reply + 1] = there
end
return reply`);

/** prefix, name, field, description, meta, keepMs, generation of the chunks or '' → whether it is stored. */
export const PUT = make(`
if ARGV[7] ~= '' and ARGV[7] ~= gen then
  redis.call('UNLINK', prefix .. ':' .. ARGV[7] .. ':b:' .. id(ARGV[4]))
  return 0
end
remove(ARGV[3])
if content(ARGV[4]) and redis.call('PEXPIRE', content(ARGV[4]), ARGV[6]) == 0 then return 0 end
redis.call('HSET', head, 'd' .. ARGV[3], ARGV[4], 'm' .. ARGV[3], ARGV[5])
redis.call('PEXPIRE', head, ARGV[6])
redis.call('HINCRBY', counts, 'records', 1)
redis.call('HINCRBY', counts, 'bytes', string.format('%.0f', bytes(ARGV[4])))
return 1`);

/** prefix, name, field, content id, meta → whether that content is still there to be described. */
export const UPDATE = make(`
local d = redis.call('HGET', head, 'd' .. ARGV[3])
if not d or id(d) ~= ARGV[4] then return 0 end
redis.call('HSET', head, 'm' .. ARGV[3], ARGV[5])
return 1`);

/** prefix, name, field or '' for all → records, bytes. */
export const DELETE = make(`
local records, sum = 0, 0
local function add(n, size) records = records + n sum = sum + size end
if ARGV[3] ~= '' then add(remove(ARGV[3])) else
  for _, field in ipairs(redis.call('HKEYS', head)) do
    if string.sub(field, 1, 1) == 'd' then add(remove(string.sub(field, 2))) end
  end
end
return {records, string.format('%.0f', sum)}`);

/** prefix, name, field, content id: removes what turned out broken, unless it was replaced meanwhile. */
export const DROP = make(`
local d = redis.call('HGET', head, 'd' .. ARGV[3])
if d and (id(d) == ARGV[4] or ARGV[4] == '') then return remove(ARGV[3]) end
return 0`);

/** prefix, '', new generation → old generation, records, bytes. */
export const CLEAR = make(`
local held = redis.call('HMGET', counts, 'records', 'bytes')
redis.call('SET', KEYS[1], ARGV[3])
redis.call('UNLINK', counts)
return {gen, held[1] or '0', held[2] or '0'}`);

/** prefix, '' → generation, records. */
export const COUNT = make(`return {gen, redis.call('HGET', counts, 'records') or '0'}`);

/** '', '', content: it is being read, and stays a while longer if it was to go. */
export const RENEW = make(`
local left = redis.call('PTTL', ARGV[3])
if left >= 0 and left < LINGER then redis.call('PEXPIRE', ARGV[3], LINGER) end
return left`);
