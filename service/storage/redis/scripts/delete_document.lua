#!lua
-- Removes a document from all that holds it.
-- KEYS: user, document, documents, upload, bulk, intents, members, held, holders, erased.
-- ARGV: document id, its short name, upload, project, user key, intent to free its claim, field under which its chunks are counted for a
--   forgetting that is still to come ('' for none).
-- Returns whether the document was there with this upload.
if redis.call('HGET', KEYS[2], 'upload') ~= ARGV[3] then return 0 end
if ARGV[7] ~= '' then redis.call('HSET', KEYS[10], ARGV[7], redis.call('HGET', KEYS[2], 'chunks')) end
redis.call('UNLINK', KEYS[2], KEYS[4])
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'documents', redis.call('ZCARD', KEYS[3])) end
for _, pair in ipairs(redis.call('ZRANGEBYLEX', KEYS[9], '[' .. ARGV[2] .. ':', '(' .. ARGV[2] .. ';')) do
  local collection = string.sub(pair, #ARGV[2] + 2)
  redis.call('ZREM', KEYS[9], pair)
  redis.call('ZREM', KEYS[8], collection .. ':' .. ARGV[2])
  redis.call('HDEL', KEYS[7], collection .. ':' .. ARGV[2])
end
redis.call('XADD', KEYS[5], '*', 'project', ARGV[4], 'user', ARGV[5], 'kind', 'chunks', 'record', ARGV[3] .. ':*')
redis.call('ZADD', KEYS[6], digits(microseconds()), ARGV[6])
return 1
