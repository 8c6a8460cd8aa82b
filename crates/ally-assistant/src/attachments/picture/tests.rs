//! Whatever comes in, no word of it that is not the picture comes out, and nothing falls over.

use super::*;
use proptest::prelude::*;

const SECRET: &[u8] = b"52.5200N 13.4050E";
const ALL: [ImageType; 4] = [ImageType::Png, ImageType::Jpeg, ImageType::Gif, ImageType::Webp];

fn exif(turned: u8, named: bool) -> Vec<u8> {
    let mut block =
        b"MM\0*\0\0\0\x08\0\x02\x01\x0e\0\x02\0\0\0\x11\0\0\0\x26\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
    block[31] = turned;
    block.extend_from_slice(SECRET);
    if named { [b"Exif\0\0".as_slice(), &block].concat() } else { block }
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&(data.len() as u32).to_be_bytes(), name.as_slice(), data, &[0; 4]].concat()
}

fn png(turned: u8) -> Vec<u8> {
    let head = [&3u32.to_be_bytes()[..], &2u32.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &head),
        chunk(b"gAMA", &[0, 0, 1, 0]),
        chunk(b"eXIf", &exif(turned, false)),
        chunk(b"tEXt", &[b"Comment\0", SECRET].concat()),
        chunk(b"IDAT", b"pixels"),
        chunk(b"iTXt", SECRET),
        chunk(b"tIME", SECRET),
        chunk(b"IEND", b""),
        SECRET.to_vec(),
    ]
    .concat()
}

fn segment(mark: u8, data: &[u8]) -> Vec<u8> {
    [&[0xff, mark], &(data.len() as u16 + 2).to_be_bytes()[..], data].concat()
}

fn jpeg(turned: u8) -> Vec<u8> {
    let small_picture = [b"JFIF\0\x01\x02\0\0\x01\0\x01\x01\x01".as_slice(), &[1, 2, 3]].concat();
    [
        vec![0xff, 0xd8],
        segment(0xe0, &small_picture),
        segment(0xe1, &exif(turned, true)),
        segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET].concat()),
        segment(0xe2, b"ICC_PROFILE\0\x01\x01colours"),
        segment(0xe2, &[b"MPF\0", SECRET].concat()),
        segment(0xed, SECRET),
        segment(0xfe, SECRET),
        segment(0xdb, &[0; 65]),
        segment(0xc0, &[8, 0, 2, 0, 3, 1, 1, 0x11, 0]),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        b"pix\xff\x00els\xff\xd0more".to_vec(),
        segment(0xfe, SECRET),
        vec![0xff, 0xd9],
        SECRET.to_vec(),
    ]
    .concat()
}

fn gif() -> Vec<u8> {
    let blocks = |data: &[u8]| [&[data.len() as u8], data, &[0]].concat();
    [
        b"GIF89a\x03\0\x02\0\x80\0\0\0\0\0\xff\xff\xff".to_vec(),
        [b"\x21\xff\x0bNETSCAPE2.0".as_slice(), &blocks(b"\x01\0\0")].concat(),
        [b"\x21\xff\x0bXMP DataXMP".as_slice(), &blocks(SECRET)].concat(),
        [b"\x21\xfe".as_slice(), &blocks(SECRET)].concat(),
        b"\x21\xf9\x04\0\0\0\0\0".to_vec(),
        [b"\x2c\0\0\0\0\x03\0\x02\0\0\x02".as_slice(), &blocks(b"pixels")].concat(),
        vec![0x3b],
        SECRET.to_vec(),
    ]
    .concat()
}

fn webp(turned: u8) -> Vec<u8> {
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let padding: &[u8] = if data.len() % 2 == 1 { &[0] } else { &[] };
        [name.as_slice(), &(data.len() as u32).to_le_bytes(), data, padding].concat()
    };
    let chunks = [
        b"WEBP".to_vec(),
        chunk(b"VP8X", &[0x2c, 0, 0, 0, 2, 0, 0, 1, 0, 0]),
        chunk(b"ICCP", b"colours"),
        chunk(b"VP8L", &[0x2f, 2, 0x40, 0, 0, 7, 7]),
        chunk(b"EXIF", &exif(turned, true)),
        chunk(b"XMP ", SECRET),
        chunk(b"abcd", SECRET),
    ]
    .concat();
    [b"RIFF".to_vec(), (chunks.len() as u32).to_le_bytes().to_vec(), chunks, SECRET.to_vec()].concat()
}

fn sample(format: ImageType, turned: u8) -> Vec<u8> {
    match format {
        ImageType::Png => png(turned),
        ImageType::Jpeg => jpeg(turned),
        ImageType::Gif => gif(),
        ImageType::Webp => webp(turned),
    }
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[test]
fn nothing_but_the_picture_and_which_side_is_up_is_left() {
    for format in ALL {
        let original = sample(format, 6);
        assert!(holds(&original, SECRET), "{format:?}");
        let picture = cleaned(format, &original).expect("it is whole");
        assert!(!holds(&picture.bytes, SECRET), "{format:?}");
        let sides = if format == ImageType::Gif { (3, 2) } else { (2, 3) };
        assert_eq!((picture.width, picture.height), sides, "{format:?}");
        assert_eq!(cleaned(format, &picture.bytes), Some(Picture { bytes: picture.bytes.clone(), ..picture }));
    }
}

#[test]
fn what_says_how_it_looks_stays_as_it_was() {
    let jpeg = cleaned(ImageType::Jpeg, &jpeg(1)).expect("it is whole").bytes;
    for word in [&b"ICC_PROFILE"[..], b"pix\xff\x00els\xff\xd0more\xff\xd9", b"JFIF"] {
        assert!(holds(&jpeg, word), "{word:?}");
    }
    assert!(!holds(&jpeg, b"Exif") && !holds(&jpeg, b"MPF"), "nothing to turn, nothing to say");
    let png = cleaned(ImageType::Png, &png(1)).expect("it is whole").bytes;
    assert!(holds(&png, b"gAMA") && holds(&png, b"IDATpixels") && !holds(&png, b"eXIf"));
    let turned = cleaned(ImageType::Png, &self::png(8)).expect("it is whole").bytes;
    assert!(holds(&turned, b"eXIfMM\0*"));
    let gif = cleaned(ImageType::Gif, &gif()).expect("it is whole").bytes;
    assert!(holds(&gif, b"NETSCAPE2.0") && !holds(&gif, b"XMP"));
    let webp = cleaned(ImageType::Webp, &webp(1)).expect("it is whole").bytes;
    assert_eq!((webp[20], holds(&webp, b"ICCP"), holds(&webp, b"EXIF")), (0x20, true, false), "its flags say so too");
}

#[test]
fn a_part_of_a_picture_is_no_picture() {
    for format in ALL {
        let whole = sample(format, 1);
        let half = &whole[..whole.len() / 3];
        assert_eq!(cleaned(format, half), None, "{format:?}");
        assert_eq!(cleaned(format, b""), None);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_cleaned_or_refused(
        format in prop::sample::select(ALL.to_vec()),
        cut in 0usize..400,
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut damaged = sample(format, 3);
        damaged.truncate(cut);
        damaged.extend_from_slice(&bytes);
        let _ = cleaned(format, &damaged);
        let _ = cleaned(format, &bytes);
    }

    #[test]
    fn a_damaged_picture_is_refused_or_comes_out_as_it_would_again(
        format in prop::sample::select(ALL.to_vec()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut bytes = sample(format, 5);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(picture) = cleaned(format, &bytes) {
            prop_assert_eq!(cleaned(format, &picture.bytes), Some(Picture { bytes: picture.bytes.clone(), ..picture }));
        }
    }
}
