"""Installing from the page: the image goes to the drive of a boot loader and nowhere else."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pbmwrap.device.uf2 import BLOCK_BYTES, CLAIM, CLAIM_AT, RP2040_FAMILY
from pbmwrap.errors import InvalidFile
from tests.web_page.test_page import check_axe, check_figures
from tests.web_serial.bridge import Bridge
from tests.web_serial.conftest import state
from tools.web_static.firmware import add_firmware

Visit = Callable[..., Page]
PROGRAM = "5e" * 32
# The drive is a folder of the browser's own storage; each call of the picker gives it.
DRIVE = """info => { globalThis.showDirectoryPicker = async () => {
  const root = await navigator.storage.getDirectory();
  const drive = await root.getDirectoryHandle("drive" + Math.random(), { create: true });
  if (info !== null) {
    const handle = await drive.getFileHandle("INFO_UF2.TXT", { create: true });
    const file = await handle.createWritable();
    await file.write(info);
    await file.close();
  }
  globalThis.lastDrive = drive;
  return drive;
}; }"""
READ = """async () => {
  const file = await (await lastDrive.getFileHandle("FIRMWARE.UF2")).getFile();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}"""


def make_uf2(program: str = PROGRAM, family: int = RP2040_FAMILY) -> bytes:
    """An image with a wrap's claim."""
    payload = bytearray(CLAIM_AT + 256)
    payload[CLAIM_AT : CLAIM_AT + len(CLAIM)] = CLAIM
    payload[1000 : 1000 + len(program)] = program.encode()
    count = len(payload) // 256
    blocks = []
    for n in range(count):
        head = struct.pack(
            "<IIIIIIII", 0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + 256 * n, 256, n, count, family
        )
        block = head + payload[256 * n : 256 * n + 256]
        blocks.append(block.ljust(BLOCK_BYTES - 4, b"\0") + struct.pack("<I", 0x0AB16F30))
    return b"".join(blocks)


def write_build(folder: Path, image: bytes) -> Path:
    """What `make firmware` leaves behind."""
    folder.mkdir(exist_ok=True)
    (folder / "PBMWRAP_RP2040.uf2").write_bytes(image)
    facts = {"version": "0.1.0", "program_sha256": PROGRAM}
    (folder / "PBMWRAP_RP2040.json").write_text(json.dumps(facts))
    return folder


def test_the_manifest_names_version_and_hash_of_the_image(tmp_path: Path) -> None:
    image = make_uf2()
    add_firmware(tmp_path, write_build(tmp_path / "build", image))
    about = json.loads((tmp_path / "firmware" / "manifest.json").read_text())
    assert about["uf2"]["sha256"] == hashlib.sha256(image).hexdigest()
    assert about["uf2"]["program"] == PROGRAM
    assert (tmp_path / about["uf2"]["file"]).read_bytes() == image
    assert about["drive"] == {"mark": "INFO_UF2.TXT", "board_id": "RPI-RP2"}


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (make_uf2(program="00" * 32), "is not the image of"),
        (make_uf2(family=1), "is not for the RP2040"),
        (make_uf2().replace(CLAIM, b"XXXX"), "is not the image of a wrap"),
    ],
)
def test_a_folder_is_not_built_with_a_wrong_image(
    tmp_path: Path, image: bytes, message: str
) -> None:
    with pytest.raises(InvalidFile, match=message):
        add_firmware(tmp_path, write_build(tmp_path / "build", image))


@pytest.fixture
def image(folder: Path, tmp_path: Path) -> bytes:
    """The firmware in the folder that is served."""
    image = make_uf2()
    for old in (folder / "firmware").iterdir():
        old.unlink()
    (folder / "firmware").rmdir()
    add_firmware(folder, write_build(tmp_path / "build", image))
    return image


@pytest.mark.slow
def test_the_image_is_copied_to_a_boot_loader_only_and_the_wrap_greeted(
    visit: Visit, bridge: Bridge, image: bytes, tmp_path: Path
) -> None:
    page = visit("install")
    copy = page.get_by_role("button", name="Copy to the drive RPI-RP2")
    expect(copy).to_be_visible()
    page.get_by_text("Which firmware this is").click()
    expect(page.get_by_text(hashlib.sha256(image).hexdigest())).to_be_visible()
    check_axe(page)
    check_figures(page)

    page.evaluate(DRIVE, None)
    copy.click()
    expect(page.get_by_text("This is not the drive of a board")).to_be_visible()
    page.evaluate(
        DRIVE, "UF2 Bootloader v1.0\r\nModel: Raspberry Pi RP2350\r\nBoard-ID: RP2350\r\n"
    )
    copy.click()
    expect(page.get_by_text("has another chip")).to_be_visible()
    page.evaluate(DRIVE, "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n")
    copy.click()
    expect(page.get_by_text("Copied. The board restarts")).to_be_visible()
    assert page.evaluate(READ) == hashlib.sha256(image).hexdigest()

    with page.expect_download() as caught:
        page.get_by_role("button", name="Save as a file").click()
    caught.value.save_as(tmp_path / "saved.uf2")
    assert (tmp_path / "saved.uf2").read_bytes() == image

    file = bridge.folder / "firmware" / "PBMWRAP_RP2040.uf2"
    file.write_bytes(image[:-1] + b"\0")
    copy.click()
    expect(page.get_by_text("its checksum is wrong")).to_be_visible()
    check_axe(page)

    page.get_by_role("button", name="Connect the wrap").last.click()
    expect(page.get_by_text("The wrap answers")).to_be_visible()
    expect(page.get_by_text("another firmware than the image")).to_be_visible()
    state(page, "Ready")


def test_a_folder_without_firmware_says_so(visit: Visit, bridge: Bridge) -> None:
    manifest = bridge.folder / "firmware" / "manifest.json"
    before = manifest.read_text()
    manifest.write_text(json.dumps({**json.loads(before), "uf2": None}))
    try:
        page = visit("install")
        expect(page.get_by_text("carries no firmware")).to_be_visible()
        check_axe(page)
        check_figures(page)
    finally:
        manifest.write_text(before)


def make_esp_image(chip: int = 9, ours: bool = True) -> bytes:
    """A whole image: headers of boot loader and program, and a partition table between."""
    head = bytearray(b"\xe9" + bytes(23))
    head[12:14] = struct.pack("<H", chip)
    image = bytearray(0x10000 + 2048)
    image[:24] = image[0x10000 : 0x10000 + 24] = head
    image[0x8000:0x8002] = b"\xaa\x50"
    if ours:
        image[0x8010:0x8018] = b"wraplog\0"
    return bytes(image)


@pytest.mark.slow
def test_an_esp32_gets_only_an_image_that_fits(
    visit: Visit, bridge: Bridge, tmp_path: Path
) -> None:
    page = visit("install")
    write = page.get_by_role("button", name="Write it to the board")
    choose = page.locator("#esp-file")
    for data, words in (
        (b"hello" * 100, "is not an image for an ESP32"),
        (make_esp_image(chip=13), "is for an unknown chip, number 13"),
        (make_esp_image()[:0x9000], "is not a whole image"),
    ):
        file = tmp_path / f"wrong{len(data)}.bin"
        file.write_bytes(data)
        choose.set_input_files(file)
        expect(page.get_by_text(words)).to_be_visible()
        expect(write).to_have_attribute("aria-disabled", "true")
    (tmp_path / "other.bin").write_bytes(make_esp_image(ours=False))
    choose.set_input_files(tmp_path / "other.bin")
    expect(page.get_by_text("another program, such as MicroPython")).to_be_visible()
    image = make_esp_image()
    (tmp_path / "firmware.bin").write_bytes(image)
    choose.set_input_files(tmp_path / "firmware.bin")
    expect(page.get_by_text("the firmware of a wrap", exact=True)).to_be_visible()
    expect(page.get_by_text(hashlib.sha256(image).hexdigest())).to_be_visible()
    check_axe(page)
    check_figures(page)
    loaded = "performance.getEntriesByType('resource').some((e) => e.name.includes('esptool'))"
    assert not page.evaluate(loaded)
    bridge.vendor, bridge.product = 0x10C4, 0xEA60
    write.click()
    expect(page.get_by_text("The loader of the chip does not answer")).to_be_visible(
        timeout=120_000
    )
    assert page.evaluate(loaded)
    reset = {"dataTerminalReady": False, "requestToSend": True}
    assert ("signals", reset) in bridge.calls  # only here
