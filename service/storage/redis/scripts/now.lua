#!lua
-- Tells the time of the server that has a key, in microseconds since 1970.
-- KEYS: the key, which need not be there.
return digits(microseconds())
