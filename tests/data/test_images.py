"""One image file becomes pixels by one rule, whatever its size, mode and orientation."""

from __future__ import annotations

import errno
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinynet.data import read_image
from tinynet.data.images import MAX_PIXELS, load_pixels
from tinynet.errors import DataError, InputError, MissingDataError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def save(image: Image.Image, path: Path, **options) -> Path:
    image.save(path, **options)
    return path


def colour(pixels: np.ndarray) -> list[int]:
    """The one colour of an image that has one."""
    assert (pixels == pixels[0, 0]).all()
    return pixels[0, 0].tolist()


@pytest.mark.parametrize("size", [(5, 8), (8, 5), (64, 64), (1, 1)])
@pytest.mark.parametrize(("mode", "channels"), [("rgb", 3), ("grey", 1)])
def test_any_size_comes_out_as_asked(tmp_path, size, mode, channels):
    path = save(Image.new("RGB", (31, 17), RED), tmp_path / "red.png")
    pixels = load_pixels(path, size, mode)
    assert pixels.shape == (*size, channels) and pixels.dtype == np.uint8


def test_the_longer_side_is_cut_equally_at_both_ends(tmp_path):
    image = Image.new("RGB", (30, 10), RED)
    image.paste(GREEN, (10, 0, 20, 10))
    assert colour(load_pixels(save(image, tmp_path / "wide.png"), (10, 10), "rgb")) == list(GREEN)


def test_reducing_averages_instead_of_skipping(tmp_path):
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (64, 32)))
    pixels = load_pixels(save(stripes, tmp_path / "stripes.png"), (8, 8), "grey")
    assert np.abs(pixels.astype(int) - 127).max() < 40


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("1", (8, 8), 1), WHITE),
        (Image.new("L", (8, 8), 100), (100, 100, 100)),
        (Image.new("P", (8, 8), 0), (0, 0, 0)),
        (Image.new("RGBA", (8, 8), (0, 0, 255, 255)), BLUE),
        (Image.new("RGBA", (8, 8), (0, 0, 255, 0)), WHITE),
        (Image.new("RGBA", (8, 8), (0, 0, 0, 51)), (204, 204, 204)),
        (Image.new("LA", (8, 8), (0, 0)), WHITE),
        (Image.fromarray(np.full((8, 8), 100 * 256 + 7, np.uint16)), (100, 100, 100)),
    ],
    ids=["bilevel", "grey", "palette", "opaque", "clear", "translucent", "clear grey", "16 bit"],
)
def test_every_png_mode_becomes_rgb_with_white_behind_what_is_transparent(tmp_path, image, expected):
    path = save(image, tmp_path / "image.png")
    assert colour(load_pixels(path, (4, 4), "rgb")) == list(expected)
    grey = np.array(expected) @ (0.299, 0.587, 0.114)
    assert abs(colour(load_pixels(path, (4, 4), "grey"))[0] - grey) <= 1


def test_a_transparent_palette_colour_is_white(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([*RED, *BLUE])
    path = save(image, tmp_path / "image.png", transparency=1)
    assert colour(load_pixels(path, (4, 4), "rgb")) == list(WHITE)


def test_a_transparent_16_bit_grey_is_white(tmp_path):
    image = Image.fromarray(np.full((8, 8), 100 * 256 + 7, np.uint16))
    path = save(image, tmp_path / "clear.png", transparency=100 * 256 + 7)
    assert colour(load_pixels(path, (4, 4), "rgb")) == list(WHITE)
    path = save(image, tmp_path / "opaque.png", transparency=100 * 256 + 8)
    assert colour(load_pixels(path, (4, 4), "rgb")) == [100, 100, 100]


@pytest.mark.parametrize("mode", ["rgb", "grey"])
def test_a_cmyk_jpeg_is_read(tmp_path, mode):
    path = save(Image.new("CMYK", (16, 16), (0, 0, 0, 255)), tmp_path / "black.jpg")
    assert load_pixels(path, (4, 4), mode).max() <= 2


def test_a_photograph_taken_sideways_is_turned_upright(tmp_path):
    sideways = Image.new("RGB", (16, 16), RED)
    sideways.paste(BLUE, (0, 0, 8, 16))  # blue left; turned a quarter clockwise, blue on top
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: rotate by 90 degrees clockwise to show
    path = save(sideways, tmp_path / "sideways.png", exif=exif)
    pixels = load_pixels(path, (2, 2), "rgb").astype(int)
    assert (pixels[0, :, 2] > 200).all() and (pixels[1, :, 0] > 200).all()


def test_a_large_jpeg_decoded_at_reduced_scale_looks_the_same(tmp_path):
    ramp = np.linspace(0, 255, 1024).astype(np.uint8)
    image = Image.fromarray(np.broadcast_to(ramp, (768, 1024)).copy())
    as_jpeg = load_pixels(save(image, tmp_path / "a.jpg", quality=95), (32, 32), "grey")
    as_png = load_pixels(save(image, tmp_path / "a.png"), (32, 32), "grey")
    assert np.abs(as_jpeg.astype(int) - as_png).max() <= 3


@pytest.mark.parametrize("size", [32, 64, 128])
def test_no_detail_is_lost_by_decoding_at_reduced_scale(tmp_path, size):
    """Stripes four pixels wide in the result, of which a coarser decoding would leave a blur."""
    stripes = 128 + 100 * np.sign(np.sin(np.arange(256) * (np.pi * size / 1024) + 0.1))
    image = Image.fromarray(np.tile(stripes.astype(np.uint8), (256, 1)))
    as_jpeg = load_pixels(save(image, tmp_path / "a.jpg", quality=95), (size, size), "grey")
    as_png = load_pixels(save(image, tmp_path / "a.png"), (size, size), "grey")
    assert np.abs(as_jpeg.astype(int) - as_png).max() <= 12


def test_what_pillow_says_of_a_cameras_notes_is_not_shown(tmp_path):
    notes = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"  # five are announced, and they end within the first
    path = save(Image.new("RGB", (8, 8), WHITE), tmp_path / "image.jpg", exif=notes)
    with pytest.warns(UserWarning, match="Corrupt EXIF"), Image.open(path) as image:
        image.getexif()
    assert read_image(path, (4, 4, 3)).min() == 1  # where a warning would be an error


def test_the_content_decides_not_the_extension(tmp_path):
    path = tmp_path / "really-a-png.jpg"
    Image.new("RGB", (8, 8), BLUE).save(path, format="PNG")
    assert colour(load_pixels(path, (4, 4), "rgb")) == list(BLUE)


def test_read_image_gives_what_a_network_takes(tmp_path):
    path = save(Image.new("RGB", (40, 20), (255, 51, 0)), tmp_path / "image.png")
    pixels = read_image(path, (28, 28, 3))
    assert pixels.shape == (28, 28, 3) and pixels.dtype == np.float32
    assert np.allclose(pixels[0, 0], (1.0, 0.2, 0.0))
    assert read_image(str(path), (28, 28, 1)).shape == (28, 28, 1)


def test_read_image_can_invert_photographs_on_white(tmp_path):
    path = save(Image.new("L", (8, 8), 204), tmp_path / "image.png")
    assert np.allclose(read_image(path, (4, 4, 1), invert=True), 0.2)


@pytest.mark.parametrize("shape", [(4, 4, 2), (4, 4), 4, None, "443"])
def test_read_image_refuses_other_shapes(tmp_path, shape):
    path = save(Image.new("L", (8, 8)), tmp_path / "image.png")
    with pytest.raises(InputError, match=rf"1 or 3 channels.*got {re.escape(repr(shape))}"):
        read_image(path, shape)


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 2.5, 3), ("4", 4, 3), (True, 4, 3)])
def test_read_image_refuses_sides_that_are_no_positive_whole_numbers(tmp_path, shape):
    path = save(Image.new("L", (8, 8)), tmp_path / "image.png")
    with pytest.raises(InputError, match="shape expects a positive whole number or two"):
        read_image(path, shape)


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    path = save(Image.new("L", (8, 8)), tmp_path / "image.png")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"image.png cannot be read \(Permission denied\): see to its perm"):
        read_image(path, (4, 4, 3))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingDataError, match="nowhere.jpg is not there"):
        read_image(tmp_path / "nowhere.jpg", (4, 4, 3))


@pytest.mark.parametrize("content", [b"", b"plain text", b"GIF89a" + b"\0" * 50])
def test_what_is_no_jpeg_or_png_is_refused_by_name(tmp_path, content):
    path = tmp_path / "fake.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError, match="fake.jpg is not a JPEG or PNG image"):
        read_image(path, (4, 4, 3))


@pytest.mark.parametrize("name", ["noise.jpg", "noise.png"])
def test_a_truncated_image_is_refused_by_name(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(Image.fromarray(noise), tmp_path / name)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=f"{name} cannot be read, it is truncated or damaged"):
        read_image(path, (4, 4, 3))


@pytest.mark.parametrize("side", [8_000, 12_000, 60_000])
def test_an_absurdly_large_image_is_refused_before_it_is_decoded(tmp_path, side):
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 0)
        + b"IDAT"
        + struct.pack(">I", zlib.crc32(b"IDAT"))
    )
    assert side * side > MAX_PIXELS
    with pytest.raises(DataError, match="bomb.png (announces 8000 x 8000|announces 12000|is too)"):
        read_image(path, (4, 4, 3))


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (20_000, 3), (20_000, 2_000)])
@pytest.mark.parametrize("extension", ["png", "jpg"])
def test_the_smallest_and_the_widest_images_are_read(tmp_path, size, extension):
    path = tmp_path / f"grey.{extension}"
    Image.new("L", size, 77).save(path)
    assert np.abs(read_image(path, (16, 16, 3)) * 255 - 77).max() <= 1


def test_a_20_000_pixel_square_is_named_with_what_to_do(tmp_path):
    path = tmp_path / "map.png"
    Image.new("1", (20_000, 20_000)).save(path)
    with pytest.raises(DataError, match="map.png is too large for a photograph .*: scale it down first"):
        read_image(path, (16, 16, 3))
