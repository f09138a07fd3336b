"""Every conversation under tests/talk goes as it is written, however the bytes are cut."""

from pathlib import Path

import pytest

from fakes.talk import CHUNKS, TalkError, play

HERE = Path(__file__).parent
TALKS = sorted(HERE.glob("*/*.talk"))


@pytest.mark.parametrize("path", TALKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
@pytest.mark.parametrize("chunk", CHUNKS)
async def test_the_talk_goes_as_it_is_written(path: Path, chunk: int):
    await play(path, chunk)


async def test_a_talk_that_goes_otherwise_says_where_and_what_came(tmp_path: Path):
    talk = tmp_path / "wrong.talk"
    talk.write_text(
        "# a comment\n? ann\nann/phone enters\nann/phone > <iq type='get' id='1'>\n"
        "  <ping xmlns='urn:xmpp:ping'/></iq>\nann/phone < <iq type='error' id='1' to='*'/>\n"
    )
    with pytest.raises(TalkError, match=r"wrong.talk:6 .*\n.*\n.* 'result' .* 'error'\ngot: <"):
        await play(talk, 4096)
