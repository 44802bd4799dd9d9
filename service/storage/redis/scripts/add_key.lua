#!lua
-- Stores a key; an id that is taken keeps what it has, so that storing a key again cannot undo its revocation.
-- KEYS: key. ARGV: fields and values.
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('HSET', KEYS[1], unpack(ARGV)) end
