"""What can be seen of a training, as frozen values without a tensor in them; rules read nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

# What a lineage is of: the inputs of a pass with or without gradients, the labels of a loss, a loader, what is
# printed, a seed, a choice by size, the streams of workers, labels that predictions are compared with.
Subject = Literal["learned", "evaluated", "labels", "loader", "printed", "seed", "choice", "worker", "truth"]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Something that happened, after so many steps of the optimizers, at a line of the user's code."""

    step: int
    where: str | None = None


@dataclass(frozen=True)
class Origin:
    """The operation that made a tensor, reshaping aside, and the line that asked for it."""

    name: str  # as autograd has it: Softmax, Relu, Addmm, ...
    where: str | None = None


@dataclass(frozen=True)
class Scores:
    """The numbers that a loss was given, in the rows of examples and the columns of classes."""

    minimum: float
    maximum: float
    deviation: float
    zeros: float  # share that is exactly 0
    row_sum_error: float  # how far the rows' sums are from 1
    column_sum_error: float
    row_log_error: float  # how far the rows' logsumexp are from 0
    column_log_error: float
    finite: bool
    distinct: bool  # rows differ


@dataclass(frozen=True)
class Targets:
    """What the scores are compared with."""

    minimum: float
    maximum: float
    whole: bool  # numbers without a fraction
    columns: int  # 1: class numbers
    one_hot: bool  # one 1 in each row, zeros else
    counts: tuple[int, ...]  # of the class numbers from 0; empty where there are none


@dataclass(frozen=True, kw_only=True)
class LossCall(Seen):
    """One of torch's losses was called."""

    name: str
    value: float
    reduction: str
    rows: int
    classes: int
    learning: bool  # a gradient can flow from it
    scores: Scores
    targets: Targets
    origin: Origin | None
    weights: tuple[float, ...] = ()  # of the classes
    built: str | None = None  # the line that built its module; the call's where there is none
    hand: bool = False  # written by hand, and known by its derivatives


@dataclass(frozen=True)
class Shares:
    """What should be probabilities, or their logarithms: how far they are from both along the axis that fits best."""

    minimum: float
    maximum: float
    sum_error: float
    log_error: float  # of logsumexp from 0


@dataclass(frozen=True, kw_only=True)
class Divergence(Seen):
    """kl_div was called, and a gradient can flow from it."""

    value: float
    given: Shares  # logarithms, as it takes them
    target: Shares
    log_target: bool
    origin: Origin | None  # of what it is given


@dataclass(frozen=True, kw_only=True)
class Graph(Seen):
    """The operations between the scores of a loss and the parameters, as autograd recorded them."""

    nonlinear: frozenset[str]
    depth: int  # layers with weights on the longest way
    squashed: tuple[Origin, ...]  # softmaxes, sigmoids and tanhs that feed a layer with weights, the first one first


@dataclass(frozen=True, kw_only=True)
class Backward(Seen):
    """A backward pass began."""

    value: float
    finite: bool
    has_graph: bool  # the loss was computed from something that learns
    factor: float | None  # what it is of the loss that torch computed: 1 for its mean, its number for the sum
    reached: frozenset[int] | None = None  # parameters at the ends of the graph; None: not looked
    log_of: Origin | None = None  # the loss takes log of this operation's result, at this line
    half: bool = False  # on the way to it are 16-bit floats of 5 exponent bits
    scaled: bool = False  # by a GradScaler
    penalised: frozenset[int] = frozenset()  # parameters that it is made of past all layers
    singular: Origin | None = None  # an operation behind it that is taken of 0, where its derivative is infinite
    added: str | None = None  # the line of its last sum of terms
    ends: str | None = None  # of its last sum, mean or sign


@dataclass(frozen=True, kw_only=True)
class Weighed(Seen):
    """How much each example of a batch counts in what goes into backward: derivatives by the losses of each."""

    rows: int
    means: tuple[float, ...]  # of each class; no number where it has no example
    counts: tuple[int, ...]
    spread: float  # the largest difference within a class, as a share


@dataclass(frozen=True, kw_only=True)
class ByHand(Seen):
    """A loss without any of torch's: its value, and its derivatives by the outputs of the last layer."""

    value: float
    rows: int
    classes: int
    likelihoods: float | None  # so many times minus the mean log-likelihood of one class a row; None: something else
    row_error: float  # how far the rows' sums are from 0, as a share of the largest derivative
    column_error: float
    operations: frozenset[str]  # as autograd has them
    normaliser: Origin | None  # the softmax or logsumexp nearest to the loss
    normalised: Origin | None  # what made the numbers that it is taken of
    ends: str | None  # the line of its last sum, mean or sign


@dataclass(frozen=True)
class ParameterSeen:
    """One parameter at a step of its optimizer."""

    serial: int
    name: str
    gradient: float | None  # its norm; None: there is none
    finite: bool
    weight: float  # norm before the step
    size: int
    update: float  # norm of the change
    downhill: float  # inner product of change and gradient; negative where the step goes down
    trainable: bool
    along: float = 0.0  # inner product of gradient and weights


@dataclass(frozen=True)
class Settings:
    """One group of an optimizer."""

    lr: float
    momentum: float
    betas: tuple[float, float] | None
    eps: float | None
    weight_decay: float
    maximize: bool


@dataclass(frozen=True, kw_only=True)
class Step(Seen):
    """An optimizer made a step."""

    optimizer: int
    kind: str
    settings: tuple[Settings, ...]
    backwards: int  # since its last step
    stale: bool  # gradients of its last step were still there, and were added to
    cleared_after_backward: bool  # and no backward since
    backward_where: str | None  # the line of the last backward
    parameters: tuple[ParameterSeen, ...]  # empty where they were not looked at


@dataclass(frozen=True, kw_only=True)
class Rates(Seen):
    """The learning rate of an optimizer is a new one from this step on."""

    optimizer: int
    lr: float


@dataclass(frozen=True, kw_only=True)
class OptimizerMade(Seen):
    """An optimizer was built."""

    optimizer: int
    kind: str
    parameters: frozenset[int]
    remembers: bool  # momentum, or running means
    replaces: int | None  # an optimizer of the same parameters that made steps
    rate: float = math.nan
    looped: str | None = None  # the line on the way to here that a loop does again
    given: str | None = None  # the innermost line on the way to here that asks a model for its parameters


@dataclass(frozen=True, kw_only=True)
class SameMember(Seen):
    """A list of models that are trained in turn holds one of them several times; where it was made."""

    members: int


@dataclass(frozen=True)
class Layer:
    """One module of a model."""

    name: str
    kind: str
    where: str | None  # the line that built it
    chosen: str | None  # the line that names its class, or calls the function that builds what it is given
    training: bool
    gain: float | None  # deviation of the weights times the root of the inputs: about 0.6 to 1.4 at torch's starts
    rows: int  # units of a layer with weights
    distinct: int  # that differ in their weights
    rate: float | None  # of a dropout
    momentum: float | None  # of a batch norm
    fresh: bool  # its weights are as the line that built it drew them
    parameters: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Model(Seen):
    """A model as it was at its first pass."""

    model: int
    name: str
    layers: tuple[Layer, ...]
    names: tuple[tuple[int, str, bool], ...]  # serial, name and requires_grad of each parameter
    unregistered: tuple[tuple[str, str | None, frozenset[int]], ...]  # attribute, line, parameters
    repeated: tuple[tuple[str, str], ...]  # layers that a container holds more than once: name, line


@dataclass(frozen=True, kw_only=True)
class Added(Seen):
    """A layer that a model got after it had been used; built at this line."""

    names: tuple[tuple[int, str], ...]  # serial and name of each parameter


@dataclass(frozen=True, kw_only=True)
class Misfrozen(Seen):
    """requires_grad was set on a module, where it means nothing."""

    name: str


@dataclass(frozen=True)
class Input:
    """Numbers that a model was given."""

    shape: tuple[int, ...]
    minimum: float
    maximum: float
    mean: float
    deviation: float
    finite: bool
    whole: bool
    digest: int
    share: float  # of the tensor that it was cut out of; 1: all of it
    blank: float = 0.0  # share of pictures with a single value
    correlation: float | None = None  # of neighbouring pixels within a channel, pictures with channels first
    relabelled: float | None = None  # the same if the numbers are read with channels last
    made: bool = False  # by something that learns


@dataclass(frozen=True)
class Entered:
    """What the first layer with weights was given."""

    where: str | None
    kind: str  # of the layer
    input: Input
    before: tuple[tuple[str, str], ...] = ()  # lines of the user's own layers without weights that came before it


@dataclass(frozen=True, kw_only=True)
class Pass(Seen):
    """A model was called by the user's code."""

    model: int
    training: bool
    active: tuple[str, ...]  # dropout and batch norm layers in training mode
    idle: tuple[str, ...]  # those in evaluation mode
    grad: bool
    backward: bool  # one followed before the next pass
    judged: bool  # a loss, an argmax or a comparison followed
    phase: int  # passes with and without learning alternate
    input: Input | None
    loader: int | None = None  # whose latest batch was not used up yet
    source: int = 0  # of what is judged, or the loader; 0: not known
    switched_on: str | None = None  # the line of a dropout that was active in a model in evaluation mode
    called: tuple[tuple[str | None, frozenset[int]], ...] = ()  # layers: the line that called each, its parameters
    put: str | None = None  # the line that put the model in its mode, where no backward pass came since
    switched: tuple[tuple[bool, str | None], ...] = ()  # modes that the model was put in, and the lines that did so
    entered: Entered | None = None


@dataclass(frozen=True, kw_only=True)
class StateTaken(Seen):
    """state_dict() was called, or weights were copied otherwise."""

    model: int
    kept: bool  # what it returned was still there after the next step: it holds the live weights
    choice: str | None = None  # the line of a comparison by size that it was done for


@dataclass(frozen=True, kw_only=True)
class Aliased(Seen):
    """A model learns on that a variable got where numbers were compared, in a loop that is still at work."""

    model: int
    choice: str  # the line of the comparison


@dataclass(frozen=True, kw_only=True)
class StateLoaded(Seen):
    """load_state_dict() was called."""

    model: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    matched: int
    own: tuple[str, ...]  # names of the tensors loaded that are the live ones


@dataclass(frozen=True, kw_only=True)
class Still(Seen):
    """Parameters without an optimizer were the same at two backward passes, though they have gradients."""

    parameters: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class ScheduleMade(Seen):
    """A scheduler was built."""


@dataclass(frozen=True, kw_only=True)
class Scheduled(Seen):
    """A scheduler made a step."""

    kind: str
    count: int
    cycle: int | None  # T_max of a cosine
    before_optimizer: bool


@dataclass(frozen=True, kw_only=True)
class Clipped(Seen):
    """Gradients were clipped by their norm."""

    norm: float
    limit: float
    fresh: bool  # a backward came before, and no step since
    scaled: bool = False  # the loss was scaled by a GradScaler, and nobody took that off the gradients yet


@dataclass(frozen=True, kw_only=True)
class Rescaled(Seen):
    """The gradients that a step used are other ones than the last backward pass left: norms and largest entries."""

    left: tuple[float, float]
    used: tuple[float, float]
    turned: bool = False  # they point the other way


@dataclass(frozen=True, kw_only=True)
class Stepped(Seen):
    """The first and the last step of an optimizer, counted over all optimizers."""

    optimizer: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Axis(Seen):
    """The largest score was looked for along an axis."""

    shape: tuple[int, ...]
    axis: int


@dataclass(frozen=True, kw_only=True)
class Loader(Seen):
    """A loader was iterated for the first time."""

    loader: int
    dataset: int
    base: int  # the dataset under subsets
    length: int
    batch: int
    drop_last: bool
    workers: int
    shuffled: bool = False
    indices: frozenset[int] | None
    classes: tuple[tuple[str, int], ...]  # class_to_idx


@dataclass(frozen=True, kw_only=True)
class Drawn(Seen):
    """A worker of a loader made its first batch."""

    loader: int
    worker: int
    streams: tuple[tuple[str, str], ...]  # that it drew from: name, and state at the beginning


@dataclass(frozen=True, kw_only=True)
class Batch(Seen):
    """A loader gave a batch."""

    loader: int
    round: int
    place: int
    images: int  # digest
    labels: tuple[int, ...]
    drawn: tuple[str, ...] = ()  # random streams that reading it in order drew from; the first batch alone is asked


@dataclass(frozen=True, kw_only=True)
class Trained(Seen):
    """A model's weights at the end."""

    model: int
    first: int  # digest of the weights at the first pass
    last: int
    backwards: int  # after which it was seen


@dataclass(frozen=True, kw_only=True)
class Crash(Seen):
    """The script ended with an error."""

    kind: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Evaluation(Seen):
    """A part of the data was predicted without learning, and compared with its labels."""

    source: int  # the loader, or the digest of the first images
    caller: str | None  # the line that asked for it
    text: str  # of that line
    batches: tuple[tuple[int, int], ...]  # right ones and number of each batch
    confusion: tuple[tuple[int, int, int], ...]  # label, prediction, number
    entries: tuple[int, int] = (0, 0)  # of one-hot rows: equal ones and all

    @property
    def right(self) -> int:
        """Right predictions."""
        return sum(right for right, _ in self.batches)

    @property
    def count(self) -> int:
        """All predictions."""
        return sum(number for _, number in self.batches)


@dataclass(frozen=True, kw_only=True)
class Renamed(Evaluation):
    """An evaluation whose labels are those that some variable holds, if each class is called by another number."""


@dataclass(frozen=True, kw_only=True)
class Crossed(Seen):
    """Predictions and labels of different shapes were compared: each with each."""

    shape: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Seeded(Seen):
    """torch.manual_seed was called."""

    value: int


@dataclass(frozen=True, kw_only=True)
class Printed(Seen):
    """The script printed a line with a number in it, or holds an accuracy by a name."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Look(Seen):
    """A part of the data was predicted to be judged: its first batch."""

    model: int
    source: int  # the loader, or the digest of the first images
    callers: tuple[tuple[str, str], ...]  # the lines that asked for it with their text, innermost first
    weights: int = 0  # digest of the model's


@dataclass(frozen=True, kw_only=True)
class Lineage(Seen):
    """The statements that lead to what a line reads, nearest first, each with its text."""

    about: Subject
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Shared(Seen):
    """Inputs of one source of evaluations that training saw too, byte by byte."""

    source: int
    part: int = 0  # the number of the first source of about the same inputs
    trained: int  # inputs of training looked at
    distinct: int = 0  # different ones among these
    chance: float = (
        0.0  # share of inputs that so many others hold too by chance, as how often their numbers go together tells
    )
    earlier: int = 0  # trained on by a fit before, and not by the last one before the source was first evaluated
    repeats: int  # of these are repeats within their batch
    evaluated: int
    shared: int
    known: int  # of these training had seen when the source was last evaluated
    same_part: bool  # the evaluated part is the one that was trained on
    apart: int = 0  # of those that training had not seen: evaluated by themselves too
    met: float = 1.0  # of what training draws from, the share that it has seen by now


@dataclass(frozen=True, kw_only=True)
class Blended(Seen):
    """A batch was mixed with its own rows, and so were its labels."""

    rows: int
    wrong: int  # whose second label is not that of the row that they are mixed with


@dataclass(frozen=True, kw_only=True)
class Empty(Seen):
    """Turns of a training loop without a backward pass, though the same inputs were evaluated in each."""

    turns: int
    empty: int


@dataclass(frozen=True)
class Fitted:
    """A transformer of scikit-learn's as it was fitted."""

    kind: str
    state: int  # digest


@dataclass(frozen=True, kw_only=True)
class Transformed(Seen):
    """A line that calls a model gives it rows that transformers made."""

    learned: bool
    fitted: tuple[Fitted, ...]  # the last one first
    lines: tuple[str, ...]  # that were at work when they were made, innermost first


@dataclass(frozen=True, kw_only=True)
class Pool(Seen):
    """The same inputs taught three times in a row, and were picked out of a larger array."""

    rows: int
    held: int  # rows of the array that were not evaluated


@dataclass(frozen=True, kw_only=True)
class Order(Seen):
    """The labels of the first training examples, in the order in which they came, those of each step together."""

    batches: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Neighbours(Seen):
    """What the first training examples say of each other's labels, each asked without its own."""

    count: int
    chance: float  # that two of them have the same label
    majority: float  # share of the most frequent label
    nearest: int  # labels that most of the nearest others have
    linear: int  # labels that ridge regression on the other half gets right
    against: tuple[tuple[int, int], ...]  # labels that are not their neighbours', of those whose neighbours agree most


@dataclass(frozen=True, kw_only=True)
class Alike(Seen):
    """Evaluated inputs against taught ones: in how many are a few of these nearer than what is around them."""

    count: int
    alike: int
    jump: float  # from one neighbour's distance to the next one's, at least


@dataclass(frozen=True, kw_only=True)
class Mixing(Seen):
    """One input of a batch was exchanged, on a copy of the model in evaluation mode."""

    rows: int
    changed: int  # outputs of other rows that changed
    largest: float


@dataclass(frozen=True, kw_only=True)
class Weights(Seen):
    """A matrix or a kernel that learns, in a module or by hand; `where` is the line that gave it its values."""

    parameter: int
    shape: tuple[int, ...]
    units: int
    distinct: int  # units that differ in their weights
    learning: int  # units with a gradient, or all if there is none
    apart: int  # of these that differ in weights or gradient
    zero: bool  # all weights are 0
    idle: bool  # it has no gradient to speak of
    gain: float  # deviation of the weights times the root of the inputs: about 0.6 to 1.4 at torch's starts
    grouped: bool  # units see different inputs
    last: bool  # no other layer comes after it
    beside: bool  # it is not 0, or something of the inputs passes the model beside it
    signal: float | None = None  # deviation of what its layer is given, from one example to the next


@dataclass(frozen=True, kw_only=True)
class Units(Seen):
    """Units of a ReLU layer over many examples."""

    units: int
    dead: int  # gave zero for each example
    examples: int
    silenced: str | None = None  # the line that set their biases far below zero
    beside: bool = False  # what they give is added to something that passes them by


@dataclass(frozen=True, kw_only=True)
class Dropped(Seen):
    """dropout() was called with a high rate."""

    rate: float


@dataclass(frozen=True, kw_only=True)
class Statistics(Seen):
    """A batch norm's running statistics at the end, against those of the last batch that was learned from."""

    name: str
    momentum: float | None
    updates: int
    variance: float  # of the batch over the running one, in the middle of the channels
    shift: float  # of the mean, in running deviations
    changed: float  # share of the batch's predictions that are others with its own statistics


@dataclass(frozen=True, kw_only=True)
class Source(Seen):
    """A file of the user's in which a model or a backward pass is called."""

    path: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Curve(Seen):
    """Every loss."""

    losses: tuple[float, ...]  # of each backward pass
    held: tuple[float, ...]  # of torch's losses without learning, the mean between two backward passes
    held_at: tuple[int, ...] = ()  # after so many steps
    rows: int  # examples of a step; 0: not known
    loop: str | None  # the line of the loop over epochs


@dataclass(frozen=True, kw_only=True)
class Tried(Seen):
    """The first steps were made again from the same state, on the same batches, with one thing changed."""

    fault: str  # that the change mends
    said: str  # what was changed
    steps: int
    before: float  # mean loss of the last third of the steps, or share of wrong predictions
    after: float  # with the change
    error: float  # standard error of their difference, over the steps
    peak: float = 0.0  # highest loss with the change


@dataclass(frozen=True, kw_only=True)
class End(Seen):
    """The training is over."""

    backwards: int
    loss: float  # of the last
