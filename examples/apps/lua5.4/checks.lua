-- SPDX-License-Identifier: Apache-2.0
-- Lua's libraries on the system underneath, and a little of the language; prints the same on every Linux.
local name = os.tmpname()
local file <close> = assert(io.open(name, "w+"))
for number = 1, 1000 do file:write(number, " ", math.sqrt(number), "\n") end
file:seek("set", 100)
print(file:read("n", "l", 7, "L"))
print(file:seek("end"), file:setvbuf("full", 64))
assert(os.rename(name, name .. ".new"))
print(select(3, io.open(name)))
assert(os.remove(name .. ".new"))
print(select("#", pcall(io.lines, "/nowhere/at/all")))

print(os.date("!%Y-%m-%dT%H:%M:%S", 1e9), os.time { year = 2001, month = 9, day = 9, hour = 12 } > 0)
print(os.getenv("NOT_THERE"), os.setlocale("C"), os.clock() < 60)
print(("%5.2f|%-8s|%q|%a"):format(math.pi, "left", "two\nlines\0", 0.1))
print(("the quick brown fox"):gsub("(%w+) (%w+)", "%2 %1"))
print(utf8.len("größe"), utf8.codepoint("ß", 1), string.pack("<i4z", -2, "end"):byte(1, -1))

local function tree(depth) return depth > 0 and { tree(depth - 1), tree(depth - 1) } or {} end
local function nodes(t) return #t == 0 and 1 or 1 + nodes(t[1]) + nodes(t[2]) end
for _, mode in ipairs { "incremental", "generational" } do
    collectgarbage(mode)
    local total = 0
    for _ = 1, 20 do total = total + nodes(tree(10)) end
    print(mode, total, collectgarbage("count") < 50000)
end

local words = {}
for word in coroutine.wrap(function() for i = 1, 5000 do coroutine.yield(i * 7919 % 5003) end end) do
    words[#words + 1] = word
end
table.sort(words)
print(#words, words[1], words[2500], words[5000], table.concat(words, ",", 1, 5))

local function deep(n) return n == 0 and 0 or 1 + deep(n - 1) end
print(deep(10000), pcall(function() local function forever() return 1 + forever() end return forever() end) == false)
print(pcall(string.rep, "x", 1 << 40))
