#!lua
-- Turns due timers into jobs. A timer that was armed anew meanwhile stays; one without a pending session just goes.
-- KEYS: timers, jobs, then user, session and pending of each timer. ARGV: member of the timers, project, user key, session id of each.
-- Returns how many jobs were queued.
local now, fired = microseconds(), 0
for i = 0, #ARGV / 4 - 1 do
  local user, session, pending = unpack(KEYS, 3 + i * 3, 5 + i * 3)
  local timer, project, user_key, session_id = unpack(ARGV, 1 + i * 4, 4 + i * 4)
  local due = redis.call('ZSCORE', KEYS[1], timer)
  if due and tonumber(due) <= now then
    redis.call('ZREM', KEYS[1], timer)
    if redis.call('EXISTS', user) == 1 and redis.call('HGET', session, 'status') == 'pending' then
      queue_job(session, pending, KEYS[1], KEYS[2], timer, project, user_key, session_id)
      fired = fired + 1
    end
  end
end
return fired
