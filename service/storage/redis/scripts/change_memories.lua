#!lua
-- Makes a change of a user's memories, unless they moved on since it was worked out.
-- KEYS: user, revision, then those of the writes. ARGV: revision, whether the memories change (0 or 1), then the writes.
-- Returns whether the change was made.
if not is_current(KEYS[1], KEYS[2], ARGV[1]) then return 0 end
redis.call('INCRBY', KEYS[2], ARGV[2])
run_writes(3, 3)
return 1
