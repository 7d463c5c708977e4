"""The data sets that have a name of their own: an entry here is all it takes to add one in a known format."""

from __future__ import annotations

from fairtrial.parts.datasets.cifar import CifarSet
from fairtrial.parts.datasets.dataset import Facts
from fairtrial.parts.datasets.digits import Digits
from fairtrial.parts.datasets.idx import IdxSet
from fairtrial.parts.datasets.source import Remote, Source
from fairtrial.spec.registry import Registry

DATASETS: Registry[Source] = Registry("data set")

IMAGES_28 = 784
MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FASHION_MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
CIFAR_MIRRORS = (
    "https://www.cs.toronto.edu/~kriz/",
    "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
)


def _mnist(name: str, size: int, sha256: str) -> Remote:
    """MNIST's checksums are of the unpacked bytes: those whose published MD5 agree, hashed once more with SHA-256."""
    return Remote(name, size, f"sha256:{sha256}", "unpacked", tuple(mirror + name for mirror in MNIST_MIRRORS))


def _fashion(name: str, size: int, md5: str) -> Remote:
    """Fashion-MNIST publishes the MD5 of its .gz files, and nothing of the unpacked bytes."""
    return Remote(name, size, f"md5:{md5}", "file", tuple(mirror + name for mirror in FASHION_MIRRORS))


DATASETS.add("digits")(Digits("digits", Facts((1, 8, 8), 10)))

DATASETS.add("mnist")(
    IdxSet(
        name="mnist",
        facts=Facts((1, 28, 28), 10),
        classes=tuple("0123456789"),
        counts=(60_000, 10_000),
        files=(
            _mnist(
                "train-images-idx3-ubyte.gz",
                16 + 60_000 * IMAGES_28,
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            _mnist(
                "train-labels-idx1-ubyte.gz",
                8 + 60_000,
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            _mnist(
                "t10k-images-idx3-ubyte.gz",
                16 + 10_000 * IMAGES_28,
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            _mnist(
                "t10k-labels-idx1-ubyte.gz",
                8 + 10_000,
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
    )
)

DATASETS.add("fashion-mnist")(
    IdxSet(
        name="fashion-mnist",
        facts=Facts((1, 28, 28), 10),
        classes=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
        counts=(60_000, 10_000),
        files=(
            _fashion("train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            _fashion("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
            _fashion("t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
            _fashion("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
        ),
    )
)  # fmt: skip

DATASETS.add("cifar10")(
    CifarSet(
        name="cifar10",
        facts=Facts((3, 32, 32), 10),
        classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        archive=Remote(
            "cifar-10-binary.tar.gz",
            170_052_171,
            "md5:c32a1d4ab5d03f1284b67883e8d87530",
            "file",
            tuple(mirror + "cifar-10-binary.tar.gz" for mirror in CIFAR_MIRRORS),
        ),
    )
)
