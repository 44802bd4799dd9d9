#!lua
-- Appends parts, of one or more messages each, to a pending session, arms its timer anew, marks the user as active and queues index
-- entries. A part whose answer was kept is passed over.
-- KEYS: user, session, messages, spoken, pending, timers, outbox, answers, holds, then the answer of each part.
-- ARGV: session id, id that the user must have ('' for any), member of the timers, project, user key, turns before a new one whose
--   index entry changes with it, places among the new messages of those that are held for legal reasons (JSON, '' for none), then
--   digest and number of messages of each part, then the messages, each '<its time, if it has one> <JSON>'.
-- Returns for each part {'added' | 'repeat', '<session id> <index of its first> <time of each>'} or {'reused'}; else {'gone'} or
--   {'status', status}.
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'user_id') ~= ARGV[2] then return {'gone'} end
local parts, told, added = #KEYS - 9, {}, 0
for part = 1, parts do
  told[part] = first_answer(KEYS[9 + part], ARGV[6 + 2 * part])
  if not told[part] then added = added + tonumber(ARGV[7 + 2 * part]) end
end
if added == 0 then return told end
if redis.call('EXISTS', KEYS[1], KEYS[2]) < 2 then return {'gone'} end

local fields = redis.call('HMGET', KEYS[2], 'status', 'message_count', 'custom', 'created_at', 'auto_process_after', 'last_active_at',
  'process_within', 'process_by')
if fields[1] ~= 'pending' then return {'status', fields[1]} end
local first, newest = tonumber(fields[2]), nil
-- never before an earlier message, even when the server's clock was set back
local now = math.max(microseconds(), tonumber(fields[6]))

local function append(index, text)
  local space = string.find(text, ' ', 1, true)
  local time = tonumber(string.sub(text, 1, space - 1)) or fields[3] == '1' and tonumber(fields[4]) + index * 1000000 or now
  newest = math.max(newest or time, time)
  redis.call('RPUSH', KEYS[3], digits(time) .. string.sub(text, space))
  return digits(time)
end

local index, at = first, 7 + 2 * parts
for part = 1, parts do
  local count = tonumber(ARGV[7 + 2 * part])
  if not told[part] then
    local said = {ARGV[1], digits(index)}
    for i = 1, count do said[2 + i] = append(index + i - 1, ARGV[at + i]) end
    told[part] = {'added', table.concat(said, ' ')}
    keep_answer(KEYS[9 + part], KEYS[8], ARGV[6 + 2 * part], told[part][2])
    index = index + count
  end
  at = at + count
end
redis.call('HSET', KEYS[2], 'message_count', first + added, 'last_active_at', digits(now))
redis.call('HINCRBY', KEYS[2], 'generation', 1)
if ARGV[7] ~= '' then
  local held = cjson.decode(redis.call('HGET', KEYS[9], ARGV[1]) or '[]')
  for _, place in ipairs(cjson.decode(ARGV[7])) do held[#held + 1] = first + place end
  redis.call('HSET', KEYS[9], ARGV[1], cjson.encode(held))
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
for changed = math.max(0, first - tonumber(ARGV[6])), first + added - 1 do
  redis.call('XADD', KEYS[7], '*', 'project', ARGV[4], 'user', ARGV[5], 'kind', 'turns', 'record', ARGV[1] .. ':' .. changed)
end
return told
