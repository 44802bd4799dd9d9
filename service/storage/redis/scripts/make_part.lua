#!lua
-- Makes the next part of a change that was decided for.
-- KEYS: revision, parts, then those of the part. ARGV: the names of the part's keys as they stand before it.
-- Returns what stands before the part after it, '' when there is none.
if redis.call('LINDEX', KEYS[2], 0) == ARGV[1] then
  redis.call('LPOP', KEYS[2])
  make_part(3, redis.call('LPOP', KEYS[2]))
  if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('DECRBY', KEYS[1], UNDER_WAY) end
end
return redis.call('LINDEX', KEYS[2], 0) or ''
