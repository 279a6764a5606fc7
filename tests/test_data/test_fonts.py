"""Text in fonts: which fonts can teach, what is drawn, and that nobody is measured on it."""

import io
import tarfile
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from scripts.fetch_fonts import handwriting_families, take_font
from src.data.extract_raw_data import extract_raw_data
from src.data.load_dataset import load_dataset
from src.data.synthesis.font_archive import write_font_archive
from src.data.synthesis.fonts import Hand, can_write, draw_text, find_fonts
from src.data.synthesis.sentences import LANGUAGES, sentence
from src.errors import GroundTruthError
from src.params import ExtractParams, LoadParams

# Not handwriting, but fonts that every installation has.
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
PLAIN = FONTS / "DejaVuSans.ttf"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fonts = tmp_path / "fonts"
    fonts.mkdir()
    for name in ("DejaVuSans.ttf", "DejaVuSerif.ttf", "STIXSizOneSymReg.ttf"):
        (fonts / name).write_bytes((FONTS / name).read_bytes())
    return fonts


def test_fonts_without_latin_letters_are_left_out(folder: Path):
    (folder / "broken.ttf").write_bytes(b"no font")
    assert [path.stem for path in find_fonts(folder)] == ["DejaVuSans", "DejaVuSerif"]
    with pytest.raises(GroundTruthError, match="no font"):
        find_fonts(folder / "none")


def test_a_font_whose_small_letters_are_capitals_is_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("src.data.synthesis.fonts._TAILED", "GPRT")  # letters without tails, as in such a font
    with pytest.raises(GroundTruthError, match="no font"):
        find_fonts(folder)


def test_what_a_font_can_write():
    assert can_write(PLAIN, "Straße, 12 €")
    assert not can_write(PLAIN, "字")


def test_a_hand_is_one_person_s_and_two_differ():
    def drawn(manner: int, seed: int) -> np.ndarray:
        return draw_text("une maison", Hand(PLAIN, manner), np.random.default_rng(seed))

    first = drawn(0, 1)
    assert first.dtype == np.uint8
    assert first.min() < 140 < first.max()
    np.testing.assert_array_equal(first, drawn(0, 1))
    heights = [[drawn(manner, seed).shape[0] for seed in range(4)] for manner in range(5)]
    assert max(np.std(row) for row in heights) < np.std([np.mean(row) for row in heights])


def test_ink_is_not_cut_off():
    image = draw_text("Ägjpq", Hand(PLAIN, 2), np.random.default_rng(1))
    paper = np.median(image)
    edges = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert (np.abs(edges - paper) < 60).mean() > 0.98


def test_sentences_hold_the_languages_letters_and_numbers():
    random = np.random.default_rng(2)
    for language, letters in (("de", "äöüß"), ("fr", "éèàç"), ("sv", "åäö"), ("es", "ñáó¿¡"), ("is", "ðþý")):
        text = " ".join(sentence(language, random) for _ in range(600))
        assert set(letters) <= set(text)
        assert set("0123456789.,€$%ABC") <= set(text)
    texts = [sentence("en", random) for _ in range(1000)]
    loud = [text for text in texts if len(text) > 20 and text == text.upper()]
    assert 0.02 < len(loud) / sum(len(text) > 20 for text in texts) < 0.12, "some people write capitals alone"
    with pytest.raises(GroundTruthError, match="no language"):
        sentence("xx-none", random)


def test_the_archive_is_read_as_a_table_and_is_the_same_again(folder: Path, tmp_path: Path):
    raw = tmp_path / "raw"
    raw.mkdir()
    assert write_font_archive(folder, raw / "fonts.tar.gz", 24, ("en", "fr"), manners=2, workers=1) == 24
    assert write_font_archive(folder, tmp_path / "again.tar.gz", 24, ("en", "fr"), manners=2, workers=1) == 24
    assert (raw / "fonts.tar.gz").read_bytes() == (tmp_path / "again.tar.gz").read_bytes()
    extract_raw_data(raw, tmp_path / "extracted", ExtractParams())
    manifest = load_dataset(
        tmp_path / "extracted", tmp_path / "manifest.parquet", tmp_path / "report.csv", LoadParams()
    )
    assert len(manifest) == 24
    assert set(manifest["source"]) == {"fonts"}
    assert manifest["writer"].nunique() == 4
    with Image.open(tmp_path / "extracted" / manifest["image"].iloc[0]) as image:
        assert image.mode == "L"


def test_the_catalogue_and_a_package(tmp_path: Path):
    catalogue = {
        "caveat": {"category": "handwriting", "subsets": ["latin"]},
        "playwrite-at-guides": {"category": "handwriting", "subsets": ["latin"]},
        "noto-sans": {"category": "sans-serif", "subsets": ["latin"]},
        "bad-script": {"category": "handwriting", "subsets": ["cyrillic"]},
    }
    assert handwriting_families(catalogue) == ["caveat"]
    with tarfile.open(tmp_path / "package.tgz", "w:gz") as archive:
        for name in ("package/LICENSE", "package/files/caveat-latin-400-normal.woff2"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"font"))
    with tarfile.open(tmp_path / "package.tgz") as archive:
        take_font(archive, "caveat", tmp_path)
        assert (tmp_path / "caveat.woff2").read_bytes() == b"font"
        with pytest.raises(KeyError):
            take_font(archive, "other", tmp_path)
    assert set(LANGUAGES) >= {"en", "fr", "de", "es", "it", "pt", "sv", "da", "nb"}
