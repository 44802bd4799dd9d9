"""
Measures recall in chats of a user with an assistant, as `evaluate` does on LoCoMo: `python -m tests.bench.chats`.

`chats.jsonl` holds what a user says of himself beside what he asks for, and how he asks for it later, in the first person. Around
it the assistant answers at length, and in another session on the same subject the user tells nothing. Nothing is fitted on it.
"""

# ruff: noqa: T201 - it prints a report for a person

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench.evaluation.asking import STRATEGIES, recalled
from tests.bench.evaluation.loading import load
from tests.bench.evaluation.locomo import Conversation, Question, Session, Turn
from tests.bench.evaluation.measure import DEPTHS, Answered, figures, table
from tests.bench.evaluation.server import serving
from tests.bench.scoring import cases

CHATS = Path(__file__).parent / "chats.jsonl"
FIRST_DAY = datetime(2024, 1, 8, 19, tzinfo=UTC)

_TIPS = (
    "**Start small.** Most people want too much of {0} in the first week; two or three evenings are enough, more can come later.",
    "**Look at the {0} first.** If it was not checked since last year, that is where I would begin, before you spend any money.",
    "**Write down what you do.** A list of ten lines about {0} and {1} tells you more after a month than your memory does.",
    "**Ask somebody who knows {0}.** One hour with a person who did it twenty times saves you many days.",
    "**Do not forget the {0}.** It was the most common mistake with {1} in a survey of 2018, and it is easily avoided.",
    "**Compare at least three offers for {0}.** The difference can be 30 percent, and often the second one is the best.",
    "**Take your time with {0}.** What was rushed in the morning has to be done again in the evening.",
    "**Keep {0} and {1} apart.** I have seen both fail when they were mixed, and it took my readers weeks to find out why.",
)
_ENDS = (
    "Would you like me to go into {0} in more detail?",
    "Tell me a little more about your {0}, and I can be more exact. What have you tried so far?",
    "If {0} still gives you trouble after a week or two, come back and we will look at {1} together.",
)
_ASIDES = ("Thanks! And what about {0}?", "Good. How important is {0} for that?", "Could you say more about {0}, please?")


def conversation(rows: Sequence[Mapping[str, Any]]) -> Conversation:
    """Return one user's sessions and questions, the same for the same *rows*; a question's category is the number of its kind."""
    chance = random.Random(7)  # noqa: S311 - no secret
    chats = [(row, _told(row, chance)) for row in rows] + [(None, _near(row, chance)) for row in rows if row["near"]]
    chance.shuffle(chats)
    kinds = kinds_of(rows)
    evidence: dict[tuple[str, int], list[Turn]] = {}
    for number, (row, _) in enumerate(chats, start=1):
        if row is not None:
            place = Turn(session=number, index=1 if "reply" in row else 0)
            evidence.setdefault((row["ask"], kinds.index(row["kind"]) + 1), []).append(place)
    return Conversation(
        name="chats",
        sessions=[
            Session(number=number, begun=FIRST_DAY + timedelta(days=2 * number), messages=messages)
            for number, (_, messages) in enumerate(chats, start=1)
        ],
        questions=[Question(text=text, category=kind, evidence=tuple(turns)) for (text, kind), turns in evidence.items()],
        skipped=0,
    )


def kinds_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the kinds of *rows*, each once."""
    return list(dict.fromkeys(row["kind"] for row in rows))


def _told(row: Mapping[str, Any], chance: random.Random) -> list[tuple[str, str]]:
    if not row["words"]:
        return [("user", row["say"])]
    return [("user", row["say"]), ("assistant", row.get("reply") or _answer(row, chance)), *_more(row, chance)]


def _near(row: Mapping[str, Any], chance: random.Random) -> list[tuple[str, str]]:
    return [("user", row["near"]), ("assistant", _answer(row, chance)), *_more(row, chance)]


def _more(row: Mapping[str, Any], chance: random.Random) -> list[tuple[str, str]]:
    return [("user", chance.choice(_ASIDES).format(chance.choice(row["words"]))), ("assistant", _answer(row, chance))]


def _answer(row: Mapping[str, Any], chance: random.Random) -> str:
    tips = [tip.format(*chance.sample(row["words"], 2)) for tip in chance.sample(_TIPS, 5)]
    end = chance.choice(_ENDS).format(*chance.sample(row["words"], 2))
    return "\n\n".join([f"Here is what I would do about {row['topic']}:", *(f"{n}. {tip}" for n, tip in enumerate(tips, 1)), end])


async def main() -> None:
    """Put the chats in, ask the questions by each strategy, and print what was found of each kind."""
    rows = list(cases(CHATS))
    async with serving() as client:
        loaded = await load(client, [conversation(rows)])
        found = {strategy: (await recalled(client, loaded, strategy))[0] for strategy in STRATEGIES}
    columns = [f"recall@{depth}" for depth in DEPTHS]
    print(table({name: figures(answers) for name, answers in found.items()}, columns), "\n")
    for number, kind in enumerate(kinds_of(rows), start=1):
        of_kind = {name: [one for one in answers if one.question.category == number] for name, answers in found.items()}
        print(f"{kind}, {len(of_kind[STRATEGIES[0]])} questions\n{table(_figures(of_kind), columns)}\n")


def _figures(answers: Mapping[str, Sequence[Answered]]) -> dict[str, Mapping[str, object]]:
    return {name: figures(of_name) for name, of_name in answers.items()}


if __name__ == "__main__":
    asyncio.run(main())
