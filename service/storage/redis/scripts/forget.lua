#!lua
-- Makes messages of a user forgotten, with all that was made of them, and notes that the receipt is to follow.
-- KEYS: user, revision, intents, outbox, jobs, pending, timers, spoken, summaries, summary times, forgotten, answer, answers, holds, erased, then
--   session and steps of each session, then those of the writes.
-- ARGV: revision, whether anything changes (0 or 1), digest, receipt id, intent, project, user key, number of sessions, then of each:
--   session id, its member of the timers, expected status, expected missing, expected held, number of messages it had, forgotten ('' for
--   as before), number of messages that become so, time of the newest message left ('' for none), whether it had a summary (0 or 1), whether to
--   process it again (0 or 1), missing, number of index entries of its turns, their indexes; then the number of fields of what was erased for it, and these; then
--   the writes.
-- Returns {'done', receipt id}, {'repeat', first receipt id}, {'reused'}, or {'stale'} when something moved on.
local answer = first_answer(KEYS[12], ARGV[3])
if answer then return answer end
if not is_current(KEYS[1], KEYS[2], ARGV[1]) then return {'stale'} end

local sessions, at = {}, 9
for i = 1, tonumber(ARGV[8]) do
  local one = {key = KEYS[14 + i * 2], steps = KEYS[15 + i * 2], entries = tonumber(ARGV[at + 12])}
  one.id, one.timer, one.status, one.missing, one.held, one.count = unpack(ARGV, at, at + 5)
  one.forgotten, one.number, one.newest, one.summary, one.again, one.still_missing = unpack(ARGV, at + 6, at + 11)
  one.first_entry = at + 13
  at = at + 13 + one.entries
  sessions[i] = one
  local now = redis.call('HMGET', one.key, 'status', 'missing')
  if now[1] ~= one.status or (now[2] or '') ~= one.missing or (redis.call('HGET', KEYS[14], one.id) or '') ~= one.held then return {'stale'} end
end

local first_erased = at + 1
at = first_erased + tonumber(ARGV[at])
for i = first_erased, at - 1 do
  if redis.call('HEXISTS', KEYS[15], ARGV[i]) == 0 then return {'stale'} end
end

local function mark(one)
  redis.call('HSET', KEYS[11], one.id, one.forgotten)
  redis.call('HINCRBY', one.key, 'forgotten_count', one.number)
  -- a message that came meanwhile has told its time itself
  if redis.call('HGET', one.key, 'message_count') == one.count then
    if one.newest == '' then redis.call('ZREM', KEYS[8], one.id) else redis.call('ZADD', KEYS[8], one.newest, one.id) end
  end
  for i = one.first_entry, one.first_entry + one.entries - 1 do
    redis.call('XADD', KEYS[4], '*', 'project', ARGV[6], 'user', ARGV[7], 'kind', 'turns', 'record', one.id .. ':' .. ARGV[i])
  end
  if one.summary == '1' then
    redis.call('HDEL', KEYS[9], one.id)
    redis.call('ZREM', KEYS[10], one.id)
    redis.call('XADD', KEYS[4], '*', 'project', ARGV[6], 'user', ARGV[7], 'kind', 'summaries', 'record', one.id)
  end
end

redis.call('INCRBY', KEYS[2], ARGV[2])
for _, one in ipairs(sessions) do
  if one.forgotten ~= '' then mark(one) end
  redis.call('DEL', one.steps)
  if one.still_missing == '' then
    redis.call('HDEL', one.key, 'missing')
  else
    redis.call('HSET', one.key, 'missing', one.still_missing)
  end
  if one.again == '1' then
    queue_job(one.key, KEYS[6], KEYS[7], KEYS[5], one.timer, ARGV[6], ARGV[7], one.id)
  else
    redis.call('HINCRBY', one.key, 'generation', 1)
  end
end
for i = first_erased, at - 1 do redis.call('HDEL', KEYS[15], ARGV[i]) end
run_writes(16 + 2 * #sessions, at)
redis.call('ZADD', KEYS[3], digits(microseconds()), ARGV[5])
keep_answer(KEYS[12], KEYS[13], ARGV[3], ARGV[4])
return {'done', ARGV[4]}
