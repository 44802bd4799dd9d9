#!lua
-- Marks a session as processing and queues its job.
-- KEYS: user, session, pending, timers, jobs. ARGV: member of the timers, project, user key, session id, then the states to start from.
-- Returns 'started', 'gone', or the state that the session cannot be processed from.
if redis.call('EXISTS', KEYS[1], KEYS[2]) < 2 then return 'gone' end
local status = redis.call('HGET', KEYS[2], 'status')
for i = 5, #ARGV do
  if ARGV[i] == status then
    queue_job(KEYS[2], KEYS[3], KEYS[4], KEYS[5], unpack(ARGV, 1, 4))
    return 'started'
  end
end
return status
