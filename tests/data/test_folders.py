"""item_name: names that two paths never share and every file system takes; stamp: what changes it."""

import json
from pathlib import Path

import pytest

from completion.data.folders import item_name, short_stem, stamp


@pytest.mark.parametrize(
    "text", ["chair/a_b-1.5+x=2", "Stühle/Stuhl_ä", "椅子/椅子1", "Стул", "कुर्सी", "เก้าอี้", "cafe\u0301"]
)
def test_letters_of_any_script_stay(text):
    assert item_name(Path(text)) == text.replace("/", "__")


@pytest.mark.parametrize("text", ["a b", "a__b", "a:b", "a\\b", "a\nb", "a'b", "a\udce9", "a*"])
def test_other_letters_change_and_a_hash_tells_of_it(text):
    name, mark = item_name(Path(text)).rsplit("-", 1)
    assert name in ("a_b", "a__b", "a_") and len(mark) == 6
    assert item_name(Path(text)).encode()  # lone surrogates would not be written


def test_long_names_are_cut_by_bytes_and_stay_apart():
    assert short_stem(Path("folder/a b.ply")) == "a b"
    assert len(short_stem(Path("椅" * 84 + ".ply")).encode()) <= 127
    names = {item_name(Path("椅" * 100 + str(number))) for number in range(10)}
    assert len(names) == 10
    assert all(len(name.encode()) <= 127 for name in names)


def test_a_stamp_knows_the_buffers_of_a_gltf(tmp_path):
    path, buffer = tmp_path / "a.gltf", tmp_path / "my data.bin"
    path.write_text(json.dumps({"buffers": [{"uri": "my%20data.bin"}, {"uri": "data:,"}, {}]}))
    stamps = [stamp([path])]
    for data in (b"1234", b"12345"):
        buffer.write_bytes(data)
        stamps.append(stamp([path]))
        assert stamp([path]) == stamps[-1]
    assert len(set(stamps)) == 3
    buffer.unlink()
    assert stamp([path]) == stamps[0]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "[" * 10**5, *(json.dumps({"buffers": buffers}) for buffers in (
        7, [7], [{"uri": 7}], [{"uri": "\0"}], [{"uri": "x" * 5000}], [{"uri": "../secret.bin"}]
    ))],
)  # fmt: skip
def test_a_gltf_that_names_no_file_is_stamped_alone(tmp_path, text):
    (tmp_path / "secret.bin").write_bytes(b"1")
    path = tmp_path / "meshes" / "a.gltf"
    path.parent.mkdir()
    path.write_text(text)
    alone = stamp([path])
    (tmp_path / "secret.bin").write_bytes(b"12")
    assert stamp([path]) == alone
    assert stamp([tmp_path / "none.gltf"]) != alone
