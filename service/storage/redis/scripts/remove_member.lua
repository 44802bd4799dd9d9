#!lua
-- Takes a document out of a collection.
-- KEYS: collections, document, members, held, holders. ARGV: short names of the collection and the document.
-- Returns 'removed', 'no_collection', 'no_document' or 'no_member'.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'no_collection' end
if redis.call('EXISTS', KEYS[2]) == 0 then return 'no_document' end
local pair = ARGV[1] .. ':' .. ARGV[2]
if redis.call('HDEL', KEYS[3], pair) == 0 then return 'no_member' end
redis.call('ZREM', KEYS[4], pair)
redis.call('ZREM', KEYS[5], ARGV[2] .. ':' .. ARGV[1])
return 'removed'
