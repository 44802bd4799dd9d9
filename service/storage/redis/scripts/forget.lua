#!lua
-- Makes messages of a user forgotten, with all that was made of them, and notes that the receipt is to follow.
-- KEYS: user, revision, intents, outbox, jobs, pending, timers, spoken, summaries, summary times, forgotten, answer, answers, holds, erased,
--   then session and steps of each session, then those of the writes.
-- ARGV: revision, whether anything changes (0 or 1), digest, receipt id, intent, project, user key, what was erased for it (a JSON list of
--   fields), number of sessions, then of each a JSON object of texts: its id, its member of the timers, the expected status, missing and held,
--   the count of messages it had, which are forgotten ('' for as before), the number of those that become so, the time of the newest left
--   ('' for none), whether it had a summary and whether to process it again ('1' or '0'), what is still_missing, and as numbers the
--   stretches of turns whose index entries change; then the writes.
-- Returns {'done', receipt id}, {'repeat', first receipt id}, {'reused'}, or {'stale'} when something moved on.
local answer = first_answer(KEYS[12], ARGV[3])
if answer then return answer end
if not is_current(KEYS[1], KEYS[2], ARGV[1]) then return {'stale'} end

local sessions, count = {}, tonumber(ARGV[9])
for i = 1, count do
  local one = cjson.decode(ARGV[9 + i])
  one.key, one.steps, sessions[i] = KEYS[14 + i * 2], KEYS[15 + i * 2], one
  local now, held = redis.call('HMGET', one.key, 'status', 'missing'), redis.call('HGET', KEYS[14], one.id)
  if now[1] ~= one.status or (now[2] or '') ~= one.missing or (held or '') ~= one.held then return {'stale'} end
end
local erased = cjson.decode(ARGV[8])
for _, field in ipairs(erased) do
  if redis.call('HEXISTS', KEYS[15], field) == 0 then return {'stale'} end
end

local function mark(one)
  redis.call('HSET', KEYS[11], one.id, one.forgotten)
  redis.call('HINCRBY', one.key, 'forgotten_count', one.number)
  -- a message that came meanwhile has told its time itself
  if redis.call('HGET', one.key, 'message_count') == one.count then
    if one.newest == '' then redis.call('ZREM', KEYS[8], one.id) else redis.call('ZADD', KEYS[8], one.newest, one.id) end
  end
  for _, stretch in ipairs(one.turns) do
    for index = stretch[1], stretch[2] do
      redis.call('XADD', KEYS[4], '*', 'project', ARGV[6], 'user', ARGV[7], 'kind', 'turns', 'record', one.id .. ':' .. index)
    end
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
for _, field in ipairs(erased) do redis.call('HDEL', KEYS[15], field) end
run_writes(16 + 2 * count, 10 + count)
redis.call('ZADD', KEYS[3], digits(microseconds()), ARGV[5])
keep_answer(KEYS[12], KEYS[13], ARGV[3], ARGV[4])
return {'done', ARGV[4]}
