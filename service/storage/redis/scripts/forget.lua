#!lua
-- Makes messages of a user forgotten, with all that was made of them, and notes that the receipt is to follow.
-- KEYS: user, revision, intents, answer, answers, holds, erased, staged, parts, then each session, then those of the writes, then those of
--   the part.
-- ARGV: revision, whether anything changes (0 or 1), digest, receipt id, intent of the receipt, what was erased for it (a JSON list of
--   fields), what is expected (a JSON list of the id, status, missing and held of each session), number of elements that were staged (0
--   for nothing), intent of the parts, number of keys of the writes, the part (when nothing was staged), then the writes.
-- Returns {'done', receipt id}, {'repeat', first receipt id}, {'reused'}, or {'stale'} when something moved on.
local answer = first_answer(KEYS[4], ARGV[3])
if answer then return answer end
if not is_current(KEYS[1], KEYS[2], ARGV[1]) then return {'stale'} end
if redis.call('LLEN', KEYS[8]) ~= tonumber(ARGV[8]) then return {'stale'} end

local expected, any_held = cjson.decode(ARGV[7]), redis.call('EXISTS', KEYS[6]) == 1
for i, one in ipairs(expected) do
  local id, status, missing, held = unpack(one)
  local now = redis.call('HMGET', KEYS[9 + i], 'status', 'missing')
  if now[1] ~= status or (now[2] or '') ~= missing then return {'stale'} end
  if (any_held and redis.call('HGET', KEYS[6], id) or '') ~= held then return {'stale'} end
end
local erased = cjson.decode(ARGV[6])
for _, field in ipairs(erased) do
  if redis.call('HEXISTS', KEYS[7], field) == 0 then return {'stale'} end
end

redis.call('INCRBY', KEYS[2], ARGV[2])
local writes = 10 + #expected
run_writes(writes, 12)
if ARGV[8] == '0' then
  make_part(writes + ARGV[10], ARGV[11])
else
  begin_parts(KEYS[2], KEYS[8], KEYS[9], KEYS[3], ARGV[9])
end
for _, field in ipairs(erased) do redis.call('HDEL', KEYS[7], field) end
redis.call('ZADD', KEYS[3], digits(microseconds()), ARGV[5])
keep_answer(KEYS[4], KEYS[5], ARGV[3], ARGV[4])
return {'done', ARGV[4]}
