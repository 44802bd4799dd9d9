#!lua
-- Opens a session, or finds the newest pending one of the same origin and pace that was active lately, and marks the user as active.
-- KEYS: user, session, sessions, pending, answer, answers, origins, places, spoken.
-- ARGV: session id, digest, created_at ('' for now), custom (0 or 1), metadata, auto_process_after (microseconds or ''),
--   span of inactivity after which no session is resumed (microseconds, '' to open one in any case), origin ('' for none), time at which
--   the session is to be active by its own times ('' for now, by the server's), process_within (microseconds or ''), then the members
--   of places that stand for the session.
-- Returns {'opened', '<session id> <created_at> <now>'}, {'repeat', the same}, {'resumed', session id}, {'reused'} or {'gone'}.
if redis.call('EXISTS', KEYS[1]) == 0 then return {'gone'} end
local answer = first_answer(KEYS[5], ARGV[2])
if answer then return answer end

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
    -- whoever goes by the times of messages adds some at once, which marks the user too: nothing to write, nothing to wait for
    if not at then redis.call('HSET', KEYS[1], 'last_active_at', digits(now)) end
    return {'resumed', newest}
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
for i = 11, #ARGV do redis.call('ZADD', KEYS[8], 0, ARGV[i]) end
local opened = ARGV[1] .. ' ' .. created_at .. ' ' .. digits(now)
keep_answer(KEYS[5], KEYS[6], ARGV[2], opened)
return {'opened', opened}
