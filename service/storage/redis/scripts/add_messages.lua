#!lua
-- Appends messages to a pending session, arms its timer anew, marks the user as active and queues index entries.
-- KEYS: user, session, messages, spoken, pending, timers, outbox, answer, answers, holds.
-- ARGV: session id, digest, member of the timers, project, user key, turns before a new one whose index entry changes with it,
--   places among the messages of those that are held for legal reasons (JSON, '' for none), then the messages, each '<its time, if it has one> <JSON>'.
-- Returns {'added' | 'repeat', '<session id> <index of the first> <time of each>'}, {'reused'}, {'gone'} or {'status', status}.
local answer = first_answer(KEYS[8], ARGV[2])
if answer then return answer end
if redis.call('EXISTS', KEYS[1], KEYS[2]) < 2 then return {'gone'} end

local fields = redis.call('HMGET', KEYS[2], 'status', 'message_count', 'custom', 'created_at', 'auto_process_after', 'last_active_at',
  'process_within', 'process_by')
if fields[1] ~= 'pending' then return {'status', fields[1]} end
local first, added = tonumber(fields[2]), #ARGV - 7
-- never before an earlier message, even when the server's clock was set back
local now = math.max(microseconds(), tonumber(fields[6]))

local times, newest = {}, nil
for i = 1, added do
  local space = string.find(ARGV[7 + i], ' ', 1, true)
  local time = tonumber(string.sub(ARGV[7 + i], 1, space - 1))
    or fields[3] == '1' and tonumber(fields[4]) + (first + i - 1) * 1000000 or now
  newest = math.max(newest or time, time)
  times[i] = digits(time)
  redis.call('RPUSH', KEYS[3], times[i] .. string.sub(ARGV[7 + i], space))
end
redis.call('HSET', KEYS[2], 'message_count', first + added, 'last_active_at', digits(now))
redis.call('HINCRBY', KEYS[2], 'generation', 1)
if ARGV[7] ~= '' then
  local held = cjson.decode(redis.call('HGET', KEYS[10], ARGV[1]) or '[]')
  for _, place in ipairs(cjson.decode(ARGV[7])) do held[#held + 1] = first + place end
  redis.call('HSET', KEYS[10], ARGV[1], cjson.encode(held))
end
redis.call('HSET', KEYS[1], 'last_active_at', digits(now))
redis.call('ZADD', KEYS[4], 'GT', digits(newest), ARGV[1])
redis.call('ZADD', KEYS[5], digits(now), ARGV[1])
if fields[5] ~= '' then
  local due = now + tonumber(fields[5])
  if (fields[7] or '') ~= '' then
    -- counted from the first message on: a steady stream of others does not put it off
    local last = tonumber(fields[8]) or now + tonumber(fields[7])
    redis.call('HSET', KEYS[2], 'process_by', digits(last))
    due = math.min(due, last)
  end
  redis.call('ZADD', KEYS[6], digits(due), ARGV[3])
end
for index = math.max(0, first - tonumber(ARGV[6])), first + added - 1 do
  redis.call('XADD', KEYS[7], '*', 'project', ARGV[4], 'user', ARGV[5], 'kind', 'turns', 'record', ARGV[1] .. ':' .. index)
end
local said = ARGV[1] .. ' ' .. first .. ' ' .. table.concat(times, ' ')
keep_answer(KEYS[8], KEYS[9], ARGV[2], said)
return {'added', said}
