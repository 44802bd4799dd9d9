"""
The tools of a model that drives a recall: searches and walks through one user's memory.

Each reads from the stores under the scope and the exclusions of the query; none can be told to look anywhere else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from service.domain.memories import Source
from service.domain.ports.index import IndexFilter
from service.domain.ports.tools import Tool, ToolCall, ToolResult
from service.domain.recall import DateRange, Recalled, RecalledKind, RecallQuery
from service.domain.values import Json, JsonObject
from service.recall.connections import connected_items
from service.recall.driven.arguments import BadArguments, name_of, query_of, span_of, texts_of
from service.recall.driven.shown import Shown, version_line
from service.recall.evidence import Tools, gather_evidence
from service.recall.selection import select
from service.recall.strategies.balanced import plan_of

FOUND = 12
"""How many items a call returns at most."""
READ = 150
"""How many candidates of a search are read."""
VERSIONS = 10
"""How many versions of a memory are shown, the newest."""
AROUND = 2
"""How many messages before a message and after it are shown."""
BESIDE = 0.5
"""What the score of an item counts for one that was reached through it."""
FINISH = "finish"


@dataclass(slots=True, kw_only=True)
class Asked:
    """What was searched for: texts in their order, spans of time, and how many calls there were."""

    queries: list[str] = field(default_factory=list)
    spans: list[DateRange] = field(default_factory=list)
    calls: int = 0


class Toolbox:
    """The tools over one user's memory."""

    def __init__(self, tools: Tools, query: RecallQuery, shown: Shown) -> None:
        """Search with *tools*, within *query*; what is found gets a name in *shown*."""
        self._tools = tools
        self._query = query
        self._shown = shown
        self.asked = Asked()

    async def run(self, call: ToolCall) -> ToolResult:
        """Do what *call* asks for; a call that cannot be done is answered with the reason. Raises StorageUnavailable."""
        self.asked.calls += 1
        if call.name not in _DO:
            return _refused(call, f"there is no such tool; there are {', '.join(tool.name for tool in TOOLS)}")
        if call.arguments is None:
            return _refused(call, "the arguments must be one JSON object")
        try:
            return ToolResult(call_id=call.call_id, text=await _DO[call.name](self, call.arguments))
        except BadArguments as error:
            return _refused(call, str(error))

    async def search_memories(self, arguments: JsonObject) -> str:
        """Return the memories nearest to a query, of some categories, about things that happened within a span of days."""
        text, (start, end) = query_of(arguments), span_of(arguments)
        where = IndexFilter(
            exclude_sessions=self._query.exclude_sessions,
            sessions=self._query.only_sessions,
            categories=frozenset(texts_of(arguments, "categories")) or None,
            event_from=start,
            event_to=end,
        )
        if start is not None and end is not None:
            self.asked.spans.append(DateRange(event=True, start=start, end=end))
        return await self._search(text, RecalledKind.MEMORY, where)

    async def search_messages(self, arguments: JsonObject) -> str:
        """Return the messages nearest to a query that were written within a span of days."""
        text, (start, end) = query_of(arguments), span_of(arguments)
        where = IndexFilter(
            exclude_sessions=self._query.exclude_sessions,
            sessions=self._query.only_sessions,
            created_from=start,
            created_to=end,
        )
        if start is not None and end is not None:
            self.asked.spans.append(DateRange(event=False, start=start, end=end))
        return await self._search(text, RecalledKind.MESSAGE, where)

    async def get_connected(self, arguments: JsonObject) -> str:
        """Return the memories that a memory is connected to."""
        item = self._item(arguments)
        if item.memory is None:
            raise BadArguments("only memories have connections")
        scores = dict.fromkeys(item.memory.connections[:FOUND], item.score * BESIDE)
        return self._found(await connected_items(self._tools.memories, self._query, scores))

    async def get_versions(self, arguments: JsonObject) -> str:
        """Return the versions of a memory, oldest first."""
        item = self._item(arguments)
        if item.memory is None:
            raise BadArguments("only memories have versions")
        numbered = list(enumerate(item.memory.versions, start=1))[-VERSIONS:]
        return self._shown.fence([version_line(number, version) for number, version in numbered])

    async def get_surrounding(self, arguments: JsonObject) -> str:
        """Return the messages around a message, or around the one that a memory comes from."""
        item = self._item(arguments)
        if not item.sources:
            raise BadArguments("only memories and messages have messages around them")
        home = item.sources[0]
        places = range(max(0, home.message_index - AROUND), home.message_index + AROUND + 1)
        sources = [Source(session_id=home.session_id, message_index=place) for place in places]
        read = await self._tools.sessions.messages_at(self._query.scope, sources)
        return self._found(
            [
                Recalled(score=round(item.score * BESIDE, 4), sources=(source,), message=message)
                for source, message in zip(sources, read, strict=True)
                if message is not None
            ]
        )

    async def get_session_summary(self, arguments: JsonObject) -> str:
        """Return the summary of a conversation."""
        session_id = self._shown.conversation(name_of(arguments))
        if session_id is None:
            raise BadArguments("`id` must be the name of a conversation that was shown, such as c1")
        (summary,) = await self._tools.sessions.summaries(self._query.scope, [session_id])
        return self._found([Recalled(score=0.0, sources=(), summary=summary)] if summary is not None else [])

    async def _search(self, text: str, kind: RecalledKind, where: IndexFilter) -> str:
        self.asked.queries.append(text)
        query = replace(self._query, text=text, kinds=frozenset({kind}), min_top_k=FOUND, max_top_k=FOUND)
        plan = replace(plan_of(query), candidates=READ, summaries=0, where=where)
        return self._found(await select(query, await gather_evidence(self._tools, query, plan)))

    def _found(self, items: Sequence[Recalled]) -> str:
        return self._shown.fence(self._shown.lines(items[:FOUND]))

    def _item(self, arguments: JsonObject) -> Recalled:
        item = self._shown.item(name_of(arguments))
        if item is None:
            raise BadArguments("`id` must be the id of something that was shown")
        return item


def _refused(call: ToolCall, why: str) -> ToolResult:
    return ToolResult(call_id=call.call_id, text=f"That was not done: {why}.", failed=True)


def _tool(name: str, description: str, required: str | None, **properties: Json) -> Tool:
    schema: JsonObject = {
        "type": "object",
        "properties": properties,
        "required": [required] if required else [],
        "additionalProperties": False,
    }
    return Tool(name=name, description=description, schema=schema)


_TEXT: JsonObject = {
    "type": "string",
    "description": "A few content words, or a statement as it may stand there.",
}
_TEXTS: JsonObject = {"type": "array", "items": {"type": "string"}}
_ID: JsonObject = {"type": "string", "description": "The id of something that was shown."}
_FROM: JsonObject = {"type": "string", "description": "First day, YYYY-MM-DD."}
_TO: JsonObject = {"type": "string", "description": "Last day, YYYY-MM-DD."}
_SPAN: Mapping[str, Json] = {"from": _FROM, "to": _TO}

TOOLS = (
    _tool(
        "search_memories",
        "Find statements about the user, optionally of some categories, and about what happened in a span of days.",
        "query",
        query=_TEXT,
        categories=_TEXTS,
        **_SPAN,
    ),
    _tool(
        "search_messages",
        "Find messages, word for word as they were written, optionally written in a span of days.",
        "query",
        query=_TEXT,
        **_SPAN,
    ),
    _tool("get_connected", "Show the memories that a memory is connected to.", "id", id=_ID),
    _tool("get_versions", "Show what a memory said before, and since when not any more.", "id", id=_ID),
    _tool("get_surrounding", "Show the messages right before and after a message, or a memory's own.", "id", id=_ID),
    _tool("get_session_summary", "Show what a conversation was about.", "id", id={**_ID, "description": "Such as c1."}),
    _tool(
        FINISH,
        "End the search with all that helps to answer, the most useful first.",
        "ids",
        ids={**_TEXTS, "description": "Ids of memories, messages and summaries that were shown."},
        reasoning={"type": "string", "description": "In at most three sentences: why these, and what is missing."},
    ),
)
"""What a model may call. FINISH is not done here: it ends the work."""

_DO: Mapping[str, Callable[[Toolbox, JsonObject], Awaitable[str]]] = {
    "search_memories": Toolbox.search_memories,
    "search_messages": Toolbox.search_messages,
    "get_connected": Toolbox.get_connected,
    "get_versions": Toolbox.get_versions,
    "get_surrounding": Toolbox.get_surrounding,
    "get_session_summary": Toolbox.get_session_summary,
}
