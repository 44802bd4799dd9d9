"""Expressions of time mean what a reader on Wednesday 8 May 2024 takes them for."""

from datetime import UTC, datetime

import pytest

from service.extraction.embedded.dates import event_span, find_dates
from service.extraction.embedded.extractor import tenses_of
from service.extraction.embedded.languages import languages

WEDNESDAY = datetime(2024, 5, 8, 23, 30, tzinfo=UTC)

ENGLISH = [
    ("I met her yesterday", "2024-05-07"),
    ("I met her the day before yesterday", "2024-05-06"),
    ("I leave tomorrow", "2024-05-09"),
    ("I saw him last night", "2024-05-07"),
    ("We met last Friday", "2024-05-03"),
    ("We met last Wednesday", "2024-05-01"),
    ("I will go next Monday", "2024-05-13"),
    ("I will go next Friday", "2024-05-17"),
    ("I will go this Friday", "2024-05-10"),
    ("The call is Friday next week", "2024-05-17"),
    ("I start the Monday after next", "2024-05-20"),
    ("The recital is a week from tomorrow", "2024-05-16"),
    ("We meet two weeks from Friday", "2024-05-24"),
    ("The party is on the 22nd.", "2024-05-22"),
    ("The party is on the 3rd.", "2024-06-03"),
    ("I paid it on the 3rd.", "2024-05-03"),
    ("School begins in September next year", "2025-09"),
    ("She retired in March last year", "2023-03"),
    ("Mom got the results and my brother is flying in on Saturday", "2024-05-11"),
    ("Ben is getting married on March 3rd", "2025-03-03"),
    ("I moved the dentist appointment to the 3rd.", "2024-06-03"),
    ("I have slept badly since 2020 but my lease ends in June", "2024-06"),
    ("The call is on Friday", "2024-05-10"),
    ("I went there on Friday", "2024-05-03"),
    ("I moved last week", "2024-04-29 to 2024-05-05"),
    ("I move next week", "2024-05-13 to 2024-05-19"),
    ("We camped last weekend", "2024-05-04 to 2024-05-05"),
    ("We camp this weekend", "2024-05-11 to 2024-05-12"),
    ("I start in two weeks", "2024-05-22"),
    ("I started three days ago", "2024-05-05"),
    ("I started two months ago", "2024-03"),
    ("I started 2 years ago", "2022"),
    ("I fly next month", "2024-06"),
    ("I flew last month", "2024-04"),
    ("I finished last year", "2023"),
    ("My flight is on May 20", "2024-05-20"),
    ("My flight is on the 20th of May", "2024-05-20"),
    ("The exam is on March 3rd", "2025-03-03"),
    ("I passed the exam on March 3rd", "2024-03-03"),
    ("I was born on 7 May 1990", "1990-05-07"),
    ("I married on 2020-02-29", "2020-02-29"),
    ("It was on 12/25/2023", "2023-12-25"),
    ("It was on 25.12.2023", "2023-12-25"),
    ("I graduated in 2015", "2015"),
    ("I travelled in June 2019", "2019-06"),
    ("We met last summer", "2023-06-01 to 2023-08-31"),
    ("I am away from May 12 to May 19", "2024-05-12 to 2024-05-19"),
    ("I am away from May 12 to 19", "2024-05-12 to 2024-05-19"),
    ("I'll be in Lima from the 3rd to the 9th of August", "2024-08-03 to 2024-08-09"),
    ("I signed the lease at the end of April.", "2024-04"),
    ("My appointment got moved to the 3rd.", "2024-06-03"),
    ("My rent goes up on the 1st of next month.", "2024-06-01"),
    ("We close on the condo in about a month.", "2024-06"),
    ("My dad retired in the fall of 2020.", "2020-09-01 to 2020-11-30"),
    ("My brother got engaged on New Year's Eve.", "2023-12-31"),
    ("Last Christmas we stayed in Bath.", "2023-12-25"),
    ("We will be in Bath over Christmas.", "2024-12-25"),
    ("I'm off work for the next two weeks", "2024-05-08 to 2024-05-22"),
    ("I was ill the past three days", "2024-05-05 to 2024-05-08"),
    ("I sold my motorbike over the weekend", "2024-05-04 to 2024-05-05"),
]
OTHERS = [
    ("de", "Ich war gestern dort", "2024-05-07"),
    ("de", "Ich fliege übermorgen", "2024-05-10"),
    ("de", "Ich war vor drei Wochen dort", "2024-04-17"),
    ("de", "Ich fliege nächsten Monat", "2024-06"),
    ("de", "Das Treffen ist Freitag nächste Woche", "2024-05-17"),
    ("de", "Ich fliege am 20. um acht", "2024-05-20"),
    ("es", "Voy el viernes de la semana que viene", "2024-05-17"),
    ("fr", "Je pars vendredi de la semaine prochaine", "2024-05-17"),
    ("de", "Ich war letzten Freitag dort", "2024-05-03"),
    ("de", "Am 3. Oktober 2023 bin ich umgezogen", "2023-10-03"),
    ("de", "Ich habe am Samstag Geburtstag gefeiert.", "2024-05-04"),
    ("de", "An Silvester sind wir nach Wien gefahren, das war schön.", "2023-12-31"),
    ("fr", "Noël dernier nous étions à Lille", "2023-12-25"),
    ("de", "Ich habe am Samstag eine Feier", "2024-05-11"),
    ("de", "Wir sind vom 3. bis 9. August weg", "2024-08-03 to 2024-08-09"),
    ("es", "Estamos fuera del 3 al 9 de agosto", "2024-08-03 to 2024-08-09"),
    ("fr", "Je serai absent du 3 au 9 août", "2024-08-03 to 2024-08-09"),
    ("es", "Llegué ayer", "2024-05-07"),
    ("es", "Llegué hace dos semanas", "2024-04-24"),
    ("es", "Viajo la próxima semana", "2024-05-13 to 2024-05-19"),
    ("es", "Me casé el 3 de marzo de 2020", "2020-03-03"),
    ("es", "Voy pasado mañana", "2024-05-10"),
    ("fr", "Je suis arrivé hier", "2024-05-07"),
    ("fr", "Je pars dans trois semaines", "2024-05-29"),
    ("fr", "J'ai fini le mois dernier", "2024-04"),
    ("fr", "Je suis né le 14 juillet 1985", "1985-07-14"),
]


def _span(text: str, code: str) -> str:
    language = languages()[code]
    span = event_span(find_dates(text, language.dates, WEDNESDAY, tense_at=tenses_of(text, language)), text)
    return span.label() if span else "none"


@pytest.mark.parametrize(("text", "expected"), ENGLISH)
def test_an_english_expression_means_its_days(text: str, expected: str) -> None:
    """Days, weeks from Monday, calendar months and years."""
    assert _span(text, "en") == expected


@pytest.mark.parametrize(("code", "text", "expected"), OTHERS)
def test_an_expression_of_another_language_means_its_days(code: str, text: str, expected: str) -> None:
    """The same in German, Spanish and French."""
    assert _span(text, code) == expected


@pytest.mark.parametrize(
    "text",
    [
        "I have lived here for three years",
        "It costs 2000 dollars",
        "I may go",
        "31/02/2024",
        "2024-13-01",
        "It is on the 3rd floor",
    ],
)
def test_what_is_no_date_is_not_taken_for_one(text: str) -> None:
    """Durations, amounts and impossible days are none."""
    assert _span(text, "en") == "none"


@pytest.mark.parametrize("year", [1, 1900, 2000, 9999])
def test_the_ends_of_the_calendar_do_no_harm(year: int) -> None:
    """A session can lie in any year."""
    text = "yesterday, in 999 weeks, 99 decades ago, last month, next year, on Friday, 900 months ago"
    found = find_dates(text, languages()["en"].dates, datetime(year, 1, 1, tzinfo=UTC))
    assert all(mention.span.first <= mention.span.last for mention in found)


def test_a_day_ends_in_its_last_second_of_utc() -> None:
    """Both ends of a span are given, in UTC."""
    mention = find_dates("yesterday", languages()["en"].dates, WEDNESDAY)[0]
    assert (mention.span.start.isoformat(), mention.span.end.isoformat()) == (
        "2024-05-07T00:00:00+00:00",
        "2024-05-07T23:59:59+00:00",
    )
