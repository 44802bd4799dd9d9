#!lua
-- Opens a session and marks the user as active, or finds the newest pending one of the same origin and pace that was active lately.
-- KEYS: user, session, sessions, pending, answer, answers, origins, places, spoken.
-- ARGV: session id, digest, created_at ('' for now), custom (0 or 1), metadata, auto_process_after (microseconds or ''),
--   span of inactivity after which no session is resumed (microseconds, '' to open one in any case), origin ('' for none), time at which
--   the session is to be active by its own times ('' for now, by the server's), process_within (microseconds or ''), id that the user
--   must have ('' for any), then the members of places that stand for the session.
-- Returns {'opened', '<session id> <created_at> <now>'}, {'repeat', the same}, {'resumed', session id, fields of the session}, {'reused'}
--   or {'gone'}; when an id was given, the fields of the user come last.
local owner = redis.call('HGET', KEYS[1], 'user_id')
if not owner or ARGV[11] ~= '' and owner ~= ARGV[11] then return {'gone'} end

local function told(answer)
  if ARGV[11] ~= '' then answer[#answer + 1] = redis.call('HGETALL', KEYS[1]) end
  return answer
end

local answer = first_answer(KEYS[5], ARGV[2])
if answer then return told(answer) end

local now = microseconds()
local kin = ARGV[10] == '' and ARGV[8] or ARGV[8] .. ' ' .. ARGV[10]
if ARGV[7] ~= '' then
  local newest, newest_created = nil, nil
  local timeout, at = tonumber(ARGV[7]), tonumber(ARGV[9])
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], at and '-inf' or digits(now - timeout), '+inf')) do
    if (redis.call('HGET', KEYS[7], id) or '') == kin then
      local created = tonumber(redis.call('ZSCORE', KEYS[3], id))
      local last = at and tonumber(redis.call('ZSCORE', KEYS[9], id) or created)
      local active = not at or created - timeout <= at and at <= last + timeout
      if active and (not newest or created > newest_created) then newest, newest_created = id, created end
    end
  end
  if newest then
    -- nothing to write, nothing to wait for. The key of that session is not declared: it is that of the new one under another id
    local found = string.sub(KEYS[2], 1, -1 - string.len(ARGV[1])) .. newest
    return told({'resumed', newest, redis.call('HGETALL', found)})
  end
end

redis.call('HSET', KEYS[1], 'last_active_at', digits(now))

local created_at = ARGV[3] == '' and digits(now) or ARGV[3]
redis.call('HSET', KEYS[2], 'status', 'pending', 'created_at', created_at, 'custom', ARGV[4], 'metadata', ARGV[5],
  'auto_process_after', ARGV[6], 'processed_at', '', 'last_active_at', digits(now), 'message_count', 0, 'generation', 0)
redis.call('ZADD', KEYS[3], created_at, ARGV[1])
redis.call('ZADD', KEYS[4], digits(now), ARGV[1])
if ARGV[8] ~= '' then redis.call('HSET', KEYS[2], 'origin', ARGV[8]) end
if ARGV[10] ~= '' then redis.call('HSET', KEYS[2], 'process_within', ARGV[10]) end
if kin ~= '' then redis.call('HSET', KEYS[7], ARGV[1], kin) end
for i = 12, #ARGV do redis.call('ZADD', KEYS[8], 0, ARGV[i]) end
local opened = ARGV[1] .. ' ' .. created_at .. ' ' .. digits(now)
keep_answer(KEYS[5], KEYS[6], ARGV[2], opened)
return told({'opened', opened})
