#!lua
-- Makes the next part of a change that was decided for.
-- KEYS: revision, parts, then those of the part. ARGV: the names of the part's keys as they stand before it, '' to make none.
-- Returns what stands before the part after it, '' when there is none.
if redis.call('LINDEX', KEYS[2], 0) == ARGV[1] then
  redis.call('LPOP', KEYS[2])
  make_part(3, redis.call('LPOP', KEYS[2]))
end
local names = redis.call('LINDEX', KEYS[2], 0) or ''
if names == '' and tonumber(redis.call('GET', KEYS[1]) or 0) >= tonumber(UNDER_WAY) then redis.call('DECRBY', KEYS[1], UNDER_WAY) end
return names
