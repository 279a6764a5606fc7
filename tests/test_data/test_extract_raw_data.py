import shutil
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

from src.data.extract_raw_data import extract_raw_data
from src.errors import ArchiveError, MissingArtefactError
from src.params import ExtractParams
from tests.test_data.made_ground_truth import write_tar

FILES = {"words/a01/a.png": b"abc" * 1000, "ascii/words.txt": b"# none\n"}


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


class ExtractRawDataTest(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        self.raw, self.extracted = self.root / "raw", self.root / "extracted"
        self.raw.mkdir()

    def extract(self, **limits: int) -> list[Path]:
        return extract_raw_data(self.raw, self.extracted, ExtractParams(**limits))

    def assert_refused(self, text: str, **limits: int) -> None:
        with self.assertRaisesRegex(ArchiveError, text) as caught:
            self.extract(**limits)
        self.assertIn("raw_data", str(caught.exception))
        self.assertEqual([], list(self.extracted.iterdir()), "a half-made folder is left")
        self.assertEqual({"raw", "extracted"}, {path.name for path in self.root.iterdir()})

    def test_tar_and_zip_are_unpacked_as_they_are(self) -> None:
        write_tar(self.raw / "raw_data.tar.gz", FILES)
        with zipfile.ZipFile(self.raw / "more.zip", "w") as archive:
            for name, content in FILES.items():
                archive.writestr(name, content)
        folders = self.extract()
        self.assertEqual(["more", "raw_data"], [folder.name for folder in folders])
        for folder in folders:
            for name, content in FILES.items():
                self.assertEqual(content, (folder / name).read_bytes())

    def test_second_run_does_nothing_and_a_touched_archive_is_known(self) -> None:
        archive = write_tar(self.raw / "raw_data.tar.gz", FILES)
        (folder,) = self.extract()
        (folder / "witness").touch()
        self.extract()
        self.assertTrue((folder / "witness").exists())
        archive.touch()
        self.extract()
        self.assertTrue((folder / "witness").exists())

    def test_changed_archive_is_unpacked_again_and_a_gone_one_removed(self) -> None:
        write_tar(self.raw / "raw_data.tar.gz", FILES)
        other = write_tar(self.raw / "other.tgz", FILES)
        self.extract()
        write_tar(self.raw / "raw_data.tar.gz", {"new.txt": b"new"})
        other.unlink()
        (folder,) = self.extract()
        self.assertEqual({"new.txt", ".extracted.json"}, {path.name for path in folder.iterdir()})
        self.assertEqual([folder], list(self.extracted.iterdir()))

    def test_no_archive_says_what_to_do(self) -> None:
        with self.assertRaisesRegex(MissingArtefactError, "longhand import"):
            self.extract()

    def test_truncated_archives_are_refused_wherever_they_are_cut(self) -> None:
        whole = write_tar(self.raw / "raw_data.tar.gz", FILES).read_bytes()
        for length in (1, 20, len(whole) // 2, len(whole) - 9, len(whole) - 1):
            with self.subTest(length=length):
                (self.raw / "raw_data.tar.gz").write_bytes(whole[:length])
                self.assert_refused("corrupt or truncated")

    def test_plain_tar_cut_between_members_is_refused(self) -> None:
        with tarfile.open(self.raw / "raw_data.tar", "w") as archive:
            member = tarfile.TarInfo("a")
            archive.addfile(member)
        whole = (self.raw / "raw_data.tar").read_bytes()
        (self.raw / "raw_data.tar").write_bytes(whole[:512])
        self.assert_refused("corrupt or truncated")

    def test_corrupt_bytes_are_refused(self) -> None:
        whole = bytearray(write_tar(self.raw / "raw_data.tar.gz", FILES).read_bytes())
        whole[len(whole) // 2] ^= 0xFF
        (self.raw / "raw_data.tar.gz").write_bytes(whole)
        self.assert_refused("corrupt or truncated")

    def test_members_that_leave_the_folder_are_refused(self) -> None:
        for name in ("../escape", "/tmp/escape", "a/../../escape", "..\\escape", "C:\\escape"):
            with self.subTest(name=name):
                write_tar(self.raw / "raw_data.tar.gz", {name: b"x"})
                self.assert_refused("leaves the folder")

    def test_links_that_point_out_and_devices_are_refused(self) -> None:
        cases = [
            special("a/link", tarfile.SYMTYPE, "../../out"),
            special("link", tarfile.SYMTYPE, "/etc/passwd"),
            special("link", tarfile.LNKTYPE, "../out"),
            special("device", tarfile.CHRTYPE),
            special("pipe", tarfile.FIFOTYPE),
        ]
        for member in cases:
            with self.subTest(member=member.name, kind=member.type):
                write_tar(self.raw / "raw_data.tar.gz", FILES, [member])
                self.assert_refused("unsafe")

    def test_link_inside_becomes_a_file(self) -> None:
        write_tar(self.raw / "raw_data.tar.gz", FILES, [special("words/b.png", tarfile.SYMTYPE, "a01/a.png")])
        (folder,) = self.extract()
        self.assertFalse((folder / "words/b.png").is_symlink())
        self.assertEqual(FILES["words/a01/a.png"], (folder / "words/b.png").read_bytes())

    def test_limits_hold_for_size_and_count(self) -> None:
        write_tar(self.raw / "raw_data.tar.gz", {"bomb": bytes(10_000_000)})
        self.assert_refused("max_bytes", max_bytes=1_000_000)
        write_tar(self.raw / "raw_data.tar.gz", {str(number): b"" for number in range(20)})
        self.assert_refused("max_members", max_members=19)
        self.extract(max_members=20)

    def test_two_archives_of_one_name_are_refused(self) -> None:
        write_tar(self.raw / "raw_data.tar.gz", FILES)
        write_tar(self.raw / "raw_data.tgz", FILES)
        with self.assertRaisesRegex(ArchiveError, "same name"):
            self.extract()


if __name__ == "__main__":
    unittest.main()
