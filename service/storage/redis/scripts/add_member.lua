#!lua
-- Puts a document into a collection, or changes its position there.
-- KEYS: collections, document, members, held, holders. ARGV: short names of the collection and the document, position ('' for none).
-- Returns 'added', 'no_collection' or 'no_document'.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'no_collection' end
if redis.call('EXISTS', KEYS[2]) == 0 then return 'no_document' end
local pair = ARGV[1] .. ':' .. ARGV[2]
local member = redis.call('HGET', KEYS[3], pair)
local since = member and string.match(member, '^%d+') or digits(microseconds())
redis.call('HSET', KEYS[3], pair, since .. ' ' .. ARGV[3])
redis.call('ZADD', KEYS[4], 0, pair)
redis.call('ZADD', KEYS[5], 0, ARGV[2] .. ':' .. ARGV[1])
return 'added'
