#!lua
-- Removes documents of a deleted user; the list keeps their ids until the claims are free.
-- KEYS: tally, then the document and the upload of each (the document again where it is gone).
local counted = redis.call('EXISTS', KEYS[1]) == 1
for i = 2, #KEYS, 2 do
  local chunks = redis.call('HGET', KEYS[i], 'chunks')
  if counted and chunks then
    redis.call('HINCRBY', KEYS[1], 'chunks', chunks)
    redis.call('HINCRBY', KEYS[1], 'points', chunks)
  end
  redis.call('UNLINK', KEYS[i], KEYS[i + 1])
end
