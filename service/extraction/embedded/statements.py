"""What belongs together: sentences that lean on each other, an answer and its question, advice and who asked for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from service.domain.memories import Source, source_of
from service.domain.sessions import Message
from service.extraction.embedded.languages import Language
from service.extraction.embedded.likeness import WORD
from service.extraction.embedded.slots import find_facts
from service.extraction.embedded.utterances import USER, Utterance
from service.extraction.embedded.worth import KEEP, REMEMBER, Judged, is_filler, is_question, judged

MAX_ADVICE_CHARACTERS = 300
MIN_ADVICE_WORDS = 4
MIN_DONE_WORDS = 3
"""Words with a meaning that tell what was done: "I've updated it" does not."""
MAX_STATEMENT_CHARACTERS = 500
MAX_MERGED_CHARACTERS = 260
MAX_ANSWER_WORDS = 8
MAX_ANSWER_WORDS_TO_ASSISTANT = 14
MIN_PER_SESSION = 12
"""This many statements are always kept of a session, whatever its length."""
MAX_SHARE = 0.45
"""Above that, at most this share of the number of messages: the best ones."""

_YOUR = re.compile(r"^(?:and |so |ok,? )?what(?:'s| is| are) your (?P<what>[^?]{2,60})\?$", re.IGNORECASE)
_GOES_ON = re.compile(r"(?:work|live|study|own|speak|drive|teach)\b")
_OF_MYSELF = re.compile(r"(?:^|[,.!] |\band )I(?:'m|'ve| am| have)?\b[^,.!]*$")
_PAUSE = re.compile(r",\s+")
_YES_NO = re.compile(r"^(?:yes|yeah|yep|no|nope|ja|nein|sí|si|oui|non)\b[\s,.!]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """
    Something worth keeping, in the words it was said in. *lead* is put before a quotation: None for what the speaker said by
    himself, which may be rewritten. *when* is the message that its dates are counted from. *plain* statements say no fact and no
    date, so others may be added to them. A correction begins at *corrected*, 0 for none: its dates are those that count.
    """

    text: str
    speaker: str
    language: Language
    when: Message
    sources: tuple[Source, ...]
    score: float
    lead: str | None = None
    plain: bool = False
    corrected: int = 0


def find_statements(said: Sequence[Utterance]) -> list[Statement]:
    """Return what is worth keeping of a session, in order."""
    found: list[Statement] = []
    for place, utterance in enumerate(said):
        before = said[place - 1] if place else None
        if utterance.person:
            found.extend(_answers(utterance, before))
            _add_own(found, utterance)
        elif before is not None:
            after = said[place + 1] if place + 1 < len(said) else None
            found.extend(_assistant(utterance, before, after))
    return _best(found, len(said))


def _best(found: list[Statement], messages: int) -> list[Statement]:
    limit = max(MIN_PER_SESSION, int(messages * MAX_SHARE))
    if len(found) <= limit:
        return found
    least = sorted((statement.score for statement in found), reverse=True)[limit - 1]
    return [statement for statement in found if statement.score >= min(least, REMEMBER)]


def _add_own(found: list[Statement], utterance: Utterance) -> None:
    """
    Add the statements of a person's message to those *found* before it.

    A sentence that leans on a kept one joins it. In what is written to an assistant, one that leans on a sentence that was not
    kept by itself brings it along, and one that begins a message may lean on the writer's statement before it.
    """
    before, open_one, passed = _last_by(found, utterance), False, None
    for sentence in (clause for whole in utterance.sentences for clause in _clauses(whole, utterance.language)):
        verdict = judged(sentence, utterance)
        leans = verdict.dependent and utterance.speaker == USER
        if open_one and _belongs(verdict, found[-1], utterance):
            found[-1] = _joined(found[-1], verdict, utterance)
        elif leans and passed is not None and passed.score + verdict.score >= verdict.least and verdict.joins:
            found.append(_joined(_of(passed, utterance), verdict, utterance))
            open_one, passed = True, None
        elif leans and before is not None and not open_one and not verdict.plain and _belongs(verdict, found[before], utterance):
            found[before] = _joined(found[before], verdict, utterance)
        elif verdict.kept:
            found.append(_of(verdict, utterance))
            open_one, passed, before = not verdict.verbatim, None, None
        else:
            open_one, passed = False, verdict if verdict.score > 0 else None


def _last_by(found: Sequence[Statement], utterance: Utterance) -> int | None:
    """Return the place of the last statement that the same person made by themself, if it is at most one answer ago."""
    for place in reversed(range(len(found))):
        one = found[place]
        if one.speaker == utterance.speaker and one.lead is None:
            return place if utterance.message.index - one.sources[-1].message_index <= 2 else None
    return None


def _of(verdict: Judged, utterance: Utterance) -> Statement:
    lead = f"{utterance.speaker} said" if verdict.verbatim else None
    return replace(_statement(utterance, verdict.text, verdict.score, lead=lead), plain=verdict.plain)


def _joined(statement: Statement, verdict: Judged, utterance: Utterance) -> Statement:
    source, text = _source(utterance), statement.text.rstrip()
    corrects = utterance.language.patterns["correction_lead"].match(verdict.text) is not None
    return replace(
        statement,
        text=f"{text} {verdict.text}",
        sources=statement.sources if source in statement.sources else (*statement.sources, source),
        score=max(statement.score, verdict.score),
        corrected=len(text) if corrects else statement.corrected,
    )


def _belongs(verdict: Judged, before: Statement, utterance: Utterance) -> bool:
    """
    Return whether a sentence becomes part of the statement before it: because it leans on it, or because people talk at length
    and neither says a fact or a date of its own.
    """
    if len(before.text) + len(verdict.text) > MAX_STATEMENT_CHARACTERS:
        return False
    return verdict.joins or (
        utterance.speaker != USER and verdict.kept and verdict.plain and len(before.text) < MAX_MERGED_CHARACTERS and before.plain
    )


def _clauses(sentence: str, language: Language) -> list[str]:
    """Return the clauses of *sentence* when each says a fact of its own, so that each can change by itself; else the whole."""
    asked = _question_behind(sentence, language)
    if asked:
        return [sentence[:asked].rstrip(" ,"), sentence[asked:]]
    clauses, told = [sentence], bool(find_facts(sentence, language.slots))
    for cut in reversed(list(language.patterns["clause"].finditer(sentence)) if told else []):
        before, behind = clauses[0][: cut.start()], _with_subject(clauses[0][cut.end() :], clauses[0])
        if behind and find_facts(before, language.slots) and find_facts(behind, language.slots):
            clauses[:1] = [before, behind[0].upper() + behind[1:]]
    return clauses


def _with_subject(clause: str, sentence: str) -> str:
    """Return *clause* with the "I" of the *sentence* that it goes on with, nothing when the subject is somebody else."""
    if not _GOES_ON.match(clause):
        return clause
    return f"I {clause}" if _OF_MYSELF.search(sentence.removesuffix(clause)) else ""


def _question_behind(sentence: str, language: Language) -> int:
    """Return where a question begins that follows a statement about the speaker ("I am 40, how do I …?"), 0 when none does."""
    if not is_question(sentence, language) or is_question(sentence.rstrip("?"), language):
        return 0
    places = (match.end() for match in _PAUSE.finditer(sentence))
    found = next((place for place in places if language.patterns["question"].match(sentence[place:])), 0)
    return found if found and language.says("subject", sentence[:found]) else 0


def _answers(utterance: Utterance, before: Utterance | None) -> Iterator[Statement]:
    """Yield what a short answer says together with the question before it, when it says nothing alone."""
    question = _open_question(before) if before is not None else None
    if before is None or question is None or not utterance.sentences:
        return
    answer = utterance.sentences[0]
    said = _YES_NO.sub("", answer)
    room = MAX_ANSWER_WORDS_TO_ASSISTANT if utterance.speaker == USER else MAX_ANSWER_WORDS
    if len(WORD.findall(answer)) > room or is_question(answer, utterance.language) or judged(answer, utterance).kept:
        return
    if is_filler(answer, utterance.language) and not (_YES_NO.match(answer) and not said):
        return
    if utterance.language.says("second_person", answer) or utterance.language.patterns["light"].match(answer):
        return
    sources = (_source(before), _source(utterance))
    asked = _YOUR.match(question)
    if asked and said and utterance.language.code == "en":
        what = asked["what"].strip()
        verb = "are" if what.endswith("s") and not what.endswith("ss") else "is"
        text = f"My {what} {verb} {said.rstrip('.!')}."
        yield _statement(utterance, text, REMEMBER / 2, sources=sources)
    else:
        lead = f"{utterance.speaker} answered '{question}' with"
        yield _statement(utterance, answer, REMEMBER / 2, sources=sources, lead=lead)


def _open_question(before: Utterance) -> str | None:
    language = before.language
    question = before.sentences[-1] if before.sentences else ""
    asks = is_question(question, language) and language.says("second_person", question)
    if not asks or language.says("small_talk_question", question) or len(question) > 160:
        return None
    return question


def _assistant(utterance: Utterance, before: Utterance, after: Utterance | None) -> Iterator[Statement]:
    """Yield what an assistant recommended on request, what the user then agreed to, and what it did for the user."""
    if not before.person:
        return
    language = utterance.language
    asked = any(before.language.says("ask_for_advice", sentence) for sentence in before.sentences)
    adopted = after is not None and after.person and any(after.language.patterns["adopt"].match(s) for s in after.sentences[:2])
    said = [s for s in utterance.sentences if not is_filler(s, language)]
    told = [s for s in said if not is_question(s, language)]
    done = [s for s in told if language.says("agreed_action", s) and len(language.content_words(s)) >= MIN_DONE_WORDS]
    # "How about …?" gives advice as well
    advice = [s for s in said if language.says("advice", s)] or [s for s in told if len(WORD.findall(s)) >= MIN_ADVICE_WORDS]
    chosen = advice if adopted or asked else done
    text = _within(chosen, MAX_ADVICE_CHARACTERS)
    if not text:
        return
    sources = [_source(before), _source(utterance)]
    lead = f"Assistant told {before.speaker}"
    if adopted and after is not None:
        sources.append(_source(after))
        lead = f"{before.speaker} agreed with what Assistant said"
    elif asked:
        lead = f"Assistant recommended to {before.speaker}"
    yield _statement(utterance, text, KEEP, sources=tuple(sources), lead=lead)


def _within(sentences: Sequence[str], room: int) -> str:
    kept: list[str] = []
    for sentence in sentences:
        room -= len(sentence) + 1
        if kept and room < 0:
            break
        kept.append(sentence)
    return " ".join(kept)[: 2 * MAX_ADVICE_CHARACTERS]


def _statement(
    utterance: Utterance, text: str, score: float, *, sources: tuple[Source, ...] = (), lead: str | None = None
) -> Statement:
    return Statement(
        text=text,
        speaker=utterance.speaker if utterance.person else USER,
        language=utterance.language,
        when=utterance.message,
        sources=sources or (_source(utterance),),
        score=score,
        lead=lead,
    )


def _source(utterance: Utterance) -> Source:
    return source_of(utterance.message)
