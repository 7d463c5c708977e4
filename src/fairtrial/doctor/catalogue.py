"""The faults that the doctor knows, each with what it is, why it hurts and what to change, in their usual order.

`kind` says what a finding can be worth: an exact one is a proof, a statistical one has to be confirmed before it fails
a run, a hint never does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["exact", "statistical", "hint"]


@dataclass(frozen=True)
class Fault:
    """One way for a training to go wrong, in words for whoever has it."""

    name: str
    part: str  # of a training: what the fault is in
    kind: Kind
    what: str
    why: str
    fix: str


def _faults(part: str, *rows: tuple[str, Kind, str, str, str]) -> tuple[Fault, ...]:
    return tuple(Fault(name, part, kind, what, why, fix) for name, kind, what, why, fix in rows)


OUTPUT_AND_LOSS = _faults(
    "output and loss",
    (
        "softmax-before-cross-entropy",
        "exact",
        "The outputs go through softmax, and then through a cross-entropy that applies softmax itself.",
        "The second softmax squeezes the outputs into [0, 1]: the loss cannot fall below 1.4612 with 10 "
        "classes, 0.3133 with 2, and "
        "the gradients shrink until learning stalls.",
        "Remove the softmax: cross-entropy takes the raw outputs (logits). Apply softmax only to show probabilities.",
    ),
    (
        "log-softmax-before-cross-entropy",
        "exact",
        "The outputs go through log_softmax, and then through a cross-entropy that applies it again.",
        "It changes nothing, since log_softmax of log_softmax is the same; it is work done twice.",
        "Remove the log_softmax, or use nll_loss, which expects it.",
    ),
    (
        "sigmoid-before-cross-entropy",
        "exact",
        "The outputs go through sigmoid before a cross-entropy that expects raw outputs.",
        "Each output is squeezed into (0, 1), so that the softmax inside can never be sure: the loss stays "
        "above 1.4612 with 10 classes, 0.3133 with 2.",
        "Remove the sigmoid: cross-entropy takes the raw outputs (logits).",
    ),
    (
        "activation-on-logits",
        "exact",
        "The last layer's outputs go through ReLU or tanh before the loss.",
        "ReLU gives no gradient where it cuts off, so that classes are lost for good; tanh bounds the outputs, and "
        "with them how sure the net can be.",
        "Leave the last layer linear: no activation between it and the loss.",
    ),
    (
        "nll-on-non-log-probabilities",
        "exact",
        "nll_loss or kl_div gets something else than log-probabilities.",
        "nll_loss only picks the number of the right class and changes its sign. On probabilities it ends "
        "near -1 with hardly any gradient, on raw outputs it falls without end. kl_div multiplies with its input as it "
        "is.",
        "Use cross_entropy on the raw outputs, or put log_softmax(dim=1) before nll_loss or kl_div, whose target is "
        "probabilities unless log_target=True.",
    ),
    (
        "sigmoid-before-bce-with-logits",
        "exact",
        "The outputs go through sigmoid, and then through a loss that applies sigmoid itself.",
        "Twice through sigmoid leaves probabilities between 0.5 and 0.73: the loss has a floor, and gradients vanish.",
        "Give the loss the outputs before the sigmoid, or use binary_cross_entropy, which takes probabilities. Where "
        "raw outputs decide, the threshold is 0 and no longer 0.5.",
    ),
    (
        "single-output-for-many-classes",
        "exact",
        "A single output with a binary loss is trained on labels of more than two classes.",
        "A binary loss expects 0 or 1. With larger labels it can fall below any bound, and the net learns one number, "
        "not a class.",
        "Give the net one output for each class, use cross_entropy, and decide by argmax(1).",
    ),
    (
        "softmax-over-one-unit",
        "exact",
        "Softmax is taken over a single output.",
        "Softmax over one number is 1, whatever the number: the prediction is constant and the gradient is zero.",
        "Use sigmoid with a binary loss for one output, or two outputs and cross_entropy.",
    ),
    (
        "bce-for-single-label",
        "exact",
        "A binary loss for each class, where each example has exactly one class.",
        "The classes do not compete, and most of the targets are zeros: a net that always says no already counts "
        "as right for nearly all of them.",
        "Use cross_entropy with the class numbers; keep the binary loss where several labels may be true at once.",
    ),
    (
        "mse-for-classification",
        "hint",
        "Squared error on classes.",
        "It can work, but its gradients fade where the net is wrong and sure, and class numbers taken as quantities "
        "make class 9 far from class 1 for no reason.",
        "Use cross_entropy on the raw outputs, unless squared error is what you want to study.",
    ),
    (
        "wrong-class-axis",
        "exact",
        "Softmax or the loss is taken over the examples of the batch, and not over the classes.",
        "The examples of a batch compete with each other, and each one's prediction depends on the others.",
        "Take softmax or log_softmax over the classes: dim=1 for outputs of shape (batch, classes).",
    ),
    (
        "sum-reduction",
        "exact",
        "The loss is summed over the batch, where the learning rate is meant for the mean.",
        "The gradient is as many times larger as there are examples in a batch, and the step with it.",
        "Use reduction='mean' (by hand: divide by the number of examples in the batch), or divide the learning rate "
        "by that number.",
    ),
    (
        "inverted-class-weights",
        "statistical",
        "The class weights of the loss are large where examples are many.",
        "Weights are there to make rare classes count; upside down, the rare ones are given up.",
        "Give each class a weight in inverse proportion to its number of examples, in the order of the class numbers.",
    ),
    (
        "ascending-loss",
        "exact",
        "The training climbs up the loss.",
        "The sign of the loss, of the step or of the learning rate is turned round: every step makes the net worse.",
        "Give backward() what is to become smaller: minus the log-likelihood, maximize=False, a positive learning "
        "rate, and p -= lr * gradient.",
    ),
    (
        "graph-cut",
        "exact",
        "The way from the loss back to the weights is cut.",
        "A tensor went through .item(), .data, .detach(), numpy or torch.no_grad(): no gradient gets past that place, "
        "and what is behind it does not learn.",
        "Keep the tensors as they are from the input to the loss; use .item() only for what is printed.",
    ),
    (
        "unstable-log",
        "exact",
        "A hand-written loss takes the logarithm of probabilities.",
        "Where a probability rounds to 0 the logarithm is infinite, or stops at the clip, and with it the gradient.",
        "Compute the loss from the raw outputs: cross_entropy for several classes, binary_cross_entropy_with_logits "
        "for one output. If the logarithm must stay, keep what is in it away from 0.",
    ),
)

OPTIMISATION = _faults(
    "optimisation step",
    (
        "missing-zero-grad",
        "exact",
        "Gradients are not cleared between steps.",
        "backward() adds to what is there: each step is made with the sum of all gradients so far, most of them old.",
        "Call optimizer.zero_grad() inside the loop, once before each backward (or after each step).",
    ),
    (
        "no-gradient-at-step",
        "exact",
        "The optimizer steps without gradients.",
        "They were cleared after backward(), or there was no backward(): the step changes nothing.",
        "Keep the order: zero_grad(), forward, loss.backward(), step().",
    ),
    (
        "weights-not-updated",
        "exact",
        "There are gradients, but the weights never change.",
        "optimizer.step() is not called, or the learning rate is zero: the net stays as it was initialised.",
        "Call optimizer.step() after each backward, with a learning rate above zero; a schedule multiplies it, so look "
        "at what that gives for the first steps. Updates by hand have to change the tensor itself, p -= lr * gradient; "
        "p = p - ... only makes another one.",
    ),
    (
        "optimizer-of-another-model",
        "exact",
        "The optimizer holds parameters of another model than the one that is trained.",
        "It moves weights that nobody uses, and the net in use stays as it is.",
        "Build the optimizer after the model, from the parameters of that model.",
    ),
    (
        "parameters-missing-from-optimizer",
        "exact",
        "Some parameters get gradients but are in no optimizer.",
        "That part of the net keeps its random start.",
        "Hand all parameters to the optimizer, or freeze those that must not move with requires_grad_(False).",
    ),
    (
        "frozen-parameters",
        "exact",
        "Parameters are frozen by accident, or meant to be frozen and are not.",
        "What is frozen does not learn; and setting requires_grad on a module, not on its parameters, freezes nothing.",
        "Freeze what is to stay by module.requires_grad_(False), and see that all else has requires_grad=True.",
    ),
    (
        "optimizer-recreated",
        "exact",
        "The optimizer is made anew again and again during one training.",
        "Its memory (momentum, the running squares of Adam) is lost each time, and so is any schedule.",
        "Create the optimizer and the scheduler once, before the loop over epochs. If a new training was meant each "
        "time (a fold, a member of an ensemble), make the model anew too: a new optimizer alone goes on with the same "
        "weights.",
    ),
    (
        "lr-too-high",
        "statistical",
        "The learning rate is too high.",
        "Each step overshoots: the loss jumps about, grows, or settles where the net says the same for every example.",
        "Lower the learning rate by 10, and again as long as that makes the loss fall faster; Adam usually ends at "
        "1e-3, SGD at 1e-2 to 1e-1.",
    ),
    (
        "lr-too-low",
        "statistical",
        "The learning rate is too low.",
        "The weights hardly move, and training ends long before the net has learned what it can.",
        "Raise the learning rate by 10, and again as long as that makes the loss fall faster; Adam usually ends at "
        "1e-3, SGD at 1e-2 to 1e-1.",
    ),
    (
        "schedule-too-fast",
        "exact",
        "The learning rate decays in steps of a batch where epochs were meant, or ends too early.",
        "It is down to nothing after a small part of the training, and the rest changes nothing.",
        "Call scheduler.step() once per epoch, after optimizer.step(), or set T_max and step_size in batches.",
    ),
    (
        "unsuitable-batch-size",
        "statistical",
        "The batch is too small or too large for this training.",
        "Small batches make noise that the learning rate must pay for; large ones leave too few steps.",
        "Try batches of 32 to 256. Keep the learning rate at first; lower it if the loss jumps about.",
    ),
    (
        "batchnorm-batch-of-one",
        "exact",
        "Batch norm in training mode gets a batch of a single example.",
        "One example has no spread: torch stops with an error, or the example is normalised by itself and the running "
        "statistics are spoiled.",
        "If only the last batch is that short, leave it out (drop_last=True in the training loader); if all are, take "
        "batches of 32 or more.",
    ),
    (
        "over-regularised",
        "statistical",
        "Weight decay outweighs the data.",
        "The pull towards zero is stronger than the gradient of the loss, so that nothing can be learned against it.",
        "Lower weight_decay, for a start to 1e-4, or the factor before the penalty in the loss.",
    ),
    (
        "clipping-too-tight",
        "statistical",
        "Gradients are clipped far below their size, or at a place where it does nothing.",
        "If nearly each gradient is cut to a hundredth, the learning rate is cut as much; clipping after the step or "
        "before backward changes nothing.",
        "Clip between backward() and step(), at about the norm that gradients usually have (1 is a usual limit; look "
        "at what clip_grad_norm_ returns).",
    ),
    (
        "non-finite",
        "exact",
        "The loss or a gradient became infinite or no number (NaN).",
        "From there on every weight that it touches is lost.",
        "Begin at the operation that is named: add a small number under a root, a logarithm or a division that gets "
        "0, and compute the loss from raw outputs. If the loss grew before, lower the learning rate and scale the "
        "inputs.",
    ),
    (
        "fp16-underflow",
        "statistical",
        "Gradients in 16-bit floats round to zero.",
        "Numbers below 6e-8 do not exist in float16: without scaling the loss, small gradients vanish.",
        "Use torch.amp.GradScaler with float16, or autocast to bfloat16, which needs none.",
    ),
    (
        "extreme-optimizer-settings",
        "hint",
        "The optimizer has settings far from any that are known to work.",
        "An eps too small divides by nothing, one too large turns Adam into plain descent; averages with a momentum "
        "of 1 never forget.",
        "Go back to the optimizer's defaults (Adam: betas 0.9 and 0.999, eps 1e-8; momentum 0.9), and change one at a "
        "time.",
    ),
    (
        "under-trained",
        "statistical",
        "Training stops while the validation loss still falls.",
        "The net had more to learn; a comparison with it measures patience.",
        "Train for several times as many epochs: until the loss on held-out examples has not fallen for some epochs. "
        "A generator or zip that one epoch uses up has to be made anew for each (or be a list).",
    ),
    (
        "over-trained",
        "statistical",
        "Training goes on long after the validation loss was best.",
        "The net learns its training examples by heart and gets worse on others.",
        "Stop when the validation loss has not fallen for some epochs (five, say), and restore the weights of the best "
        "one.",
    ),
)

ARCHITECTURE = _faults(
    "initialisation and architecture",
    (
        "constant-init",
        "exact",
        "The weights of a hidden layer start equal.",
        "Units that start equal and get equal gradients stay equal: the layer is worth one unit.",
        "Keep torch's own start, or use nn.init.kaiming_normal_ for weights and zeros only for biases.",
    ),
    (
        "init-too-large",
        "statistical",
        "The weights start too large.",
        "The first outputs are huge and sure of themselves; the loss starts far above chance, and training has to undo "
        "it first.",
        "Divide numbers of deviation 1 by the square root of the number of inputs (nn.init.kaiming_normal_ does so "
        "for weights of shape outputs x inputs), or keep torch's start.",
    ),
    (
        "init-too-small",
        "statistical",
        "The weights start too small.",
        "The signal fades from layer to layer, and so does the gradient on its way back.",
        "Bring the weights' standard deviation to about 1 / sqrt(inputs of the layer), whatever factor stands there "
        "now (nn.init.kaiming_normal_ does so for weights of shape outputs x inputs), or add batch norm.",
    ),
    (
        "dead-relu",
        "exact",
        "Most units of a ReLU layer give zero for every example.",
        "Where ReLU gives zero it passes no gradient: such a unit can never come back.",
        "If they are dead from the start: weights around 0 (nn.init.kaiming_normal_), biases of 0, inputs scaled. If "
        "they die during training: lower the learning rate by 10. LeakyReLU keeps a gradient where ReLU has none.",
    ),
    (
        "vanishing-gradient",
        "statistical",
        "Gradients fade on their way to the first layers.",
        "The first layers stay as they were at the start, and the last ones learn on noise.",
        "Use ReLU together with a start that fits it (nn.init.kaiming_normal_; ReLU alone is often not enough), and in "
        "deep nets also batch norm or shortcuts (x + layer(x)).",
    ),
    (
        "no-nonlinearity",
        "exact",
        "Several linear layers follow each other with nothing between.",
        "A product of matrices is one matrix: the whole net can do no more than one linear layer.",
        "Put an activation (ReLU) after each layer but the last.",
    ),
    (
        "saturating-hidden-activation",
        "hint",
        "A hidden layer ends in softmax, or its sigmoids are stuck at 0 and 1.",
        "Softmax makes the units share a total of 1, and a saturated sigmoid passes next to no gradient.",
        "Use ReLU in hidden layers.",
    ),
    (
        "dropout-on-logits",
        "exact",
        "Dropout comes after the last layer.",
        "It sets the outputs of whole classes to zero at random, the right one included.",
        "Move the dropout before the last layer.",
    ),
    (
        "dropout-too-strong",
        "hint",
        "Dropout removes nearly everything.",
        "So little is left of each image's signal that the net cannot even fit its training images.",
        "Use a rate of 0.2 to 0.5. It is the share that is dropped, not that which is kept.",
    ),
    (
        "cross-sample-mixing",
        "exact",
        "The output for one example depends on the other examples of the batch.",
        "A view, reshape or softmax mixes the batch axis with others: the answer changes with the neighbours.",
        "Keep the batch axis first and untouched: flatten(1) or view(x.size(0), -1). RNNs, attention and transformer "
        "layers need batch_first=True where they are made; where the batch is not first, as in an RNN's last states, "
        "move it there with transpose.",
    ),
    (
        "channel-order",
        "exact",
        "Images with channels last are used as if channels came first.",
        "The pixels are torn apart, and a convolution sees noise where neighbours should be.",
        "Read the numbers in the order they are stored, and move the axis after that: permute(0, 3, 1, 2) for a "
        "batch, permute(2, 0, 1) for one picture; view and reshape only relabel the numbers.",
    ),
    (
        "unregistered-submodule",
        "exact",
        "Layers are kept in a plain list or dict, where torch does not find them.",
        "They are missing from parameters(), from state_dict() and from to(device): they are not "
        "trained and not saved.",
        "Use nn.ModuleList or nn.ModuleDict (its keys are strings), and nn.Parameter for single tensors.",
    ),
    (
        "unused-or-repeated-layer",
        "exact",
        "A layer is defined but never used, or one layer stands several times in a container.",
        "The net is not the one that its definition shows: layers are missing, or share their weights.",
        "Use each layer in forward (look whether another one stands there twice in its place), or delete it; build a "
        "new layer for each place: [Block() for _ in range(n)].",
    ),
    (
        "wrong-class-count",
        "exact",
        "The number of outputs does not fit the labels.",
        "A label without an output stops the training; an output without a label wastes probability.",
        "Give the last layer as many outputs as there are classes, and number the classes from 0.",
    ),
    (
        "unsuitable-capacity",
        "statistical",
        "The net is too small or too large for the data.",
        "Too small, it cannot even fit a few dozen examples; too large, it learns them by heart.",
        "Make the narrowest layers wider, several times the number of classes, until the net can learn 64 examples by "
        "heart.",
    ),
)

MODE_AND_STATE = _faults(
    "mode and state",
    (
        "evaluation-in-train-mode",
        "exact",
        "The net is evaluated in training mode.",
        "Dropout removes units at random and batch norm uses the test batch itself, and learns from it: the score is "
        "noisy and depends on the batch.",
        "Call model.eval() before the evaluation, and model.train() before going on.",
    ),
    (
        "training-in-eval-mode",
        "exact",
        "The net is trained in evaluation mode.",
        "Dropout and batch norm are switched off; usually model.eval() was called once, and model.train() never again.",
        "Call model.train() at the start of each epoch.",
    ),
    (
        "stale-batchnorm",
        "statistical",
        "Batch norm's running statistics are not those of the data.",
        "Training uses the batch's own, evaluation the running ones: good in training, chance in evaluation.",
        "Keep momentum=0.1, and give it enough batches before evaluating.",
    ),
    (
        "best-state-alias",
        "exact",
        "The best weights are kept as a reference to the live ones.",
        "state_dict() does not copy: each further step changes the kept weights too, and 'best' is the last.",
        "Copy what is kept, copy.deepcopy(model.state_dict()) or copy.deepcopy(model), or save it to a file.",
    ),
    (
        "best-not-restored",
        "exact",
        "The best weights are kept, but the last ones are tested; or the worst are kept and put back.",
        "What is reported is not the model that was selected.",
        "Keep weights where an accuracy is higher than the best so far, or a loss lower; call load_state_dict(best) on "
        "the very model that is evaluated, before the last evaluation.",
    ),
    (
        "partial-load",
        "exact",
        "A checkpoint is loaded only in part.",
        "Names do not match, and strict=False says nothing: the layers left out keep their random start.",
        "Look at what load_state_dict returns and correct the names (often a prefix), until nothing is missing but "
        "layers that are meant to be new; or load into the part of the model that the state is of. strict=True says at "
        "once what does not fit.",
    ),
    (
        "identical-seeds",
        "exact",
        "Runs with different seeds come out the same, bit for bit.",
        "They are one run counted several times: the spread between them says nothing.",
        "Set the seed of each run from its number, before the model is built.",
    ),
    (
        "repeated-worker-rng",
        "exact",
        "All workers of a loader draw the same random numbers.",
        "Images of different workers get the same augmentation: there is less variety than there seems to be.",
        "Let each worker draw other numbers: add torch.utils.data.get_worker_info().id to the seed, or seed in "
        "worker_init_fn with the number that it is given.",
    ),
)

DATA = _faults(
    "data",
    (
        "input-scale",
        "exact",
        "The inputs are not scaled, or scaled twice.",
        "Weights start for inputs of about size 1: with 0 to 255 the first outputs are huge, with 1e-3 they vanish.",
        "Divide pixels by 255 once, and subtract the mean and divide by the deviation of the training images; "
        "of a table, those of each column of its training rows (StandardScaler).",
    ),
    (
        "split-preprocessing-mismatch",
        "statistical",
        "Training and evaluation examples are prepared in different ways.",
        "The net is tested on inputs that it has never seen the like of.",
        "Use one function for both, fitted on the training part alone, and only augmentation for training alone.",
    ),
    (
        "augmented-validation",
        "exact",
        "Validation examples are augmented at random.",
        "The score is noisy and too low, and changes from one reading to the next.",
        "Make two dataset objects, one with the augmentation and one without, and split the indices.",
    ),
    (
        "labels-misaligned",
        "statistical",
        "The labels do not belong to their examples.",
        "The net can only learn them by heart: training improves, validation stays at chance.",
        "Give examples and labels the same order: one permutation for both, files sorted by number and not as text; "
        "and look at some pairs.",
    ),
    (
        "class-map-mismatch",
        "exact",
        "Class numbers mean different classes in different splits.",
        "The net is right and counted wrong: a whole class is taken for another.",
        "Make the map from class name to number once, from the training part, and use it for all.",
    ),
    (
        "label-noise",
        "statistical",
        "Some labels are wrong.",
        "They set a ceiling to the accuracy, and the net learns them by heart in the end.",
        "Look through the examples where the net is sure and the label disagrees; correct the labels at their source, "
        "or leave these examples out of the training.",
    ),
    (
        "unshuffled-training",
        "exact",
        "Training batches come sorted by class.",
        "The net learns one class after the other and forgets the ones before.",
        "Use shuffle=True in the training loader, or a new permutation each epoch.",
    ),
    (
        "repeated-batch",
        "exact",
        "The same batch is used at every step.",
        "The net learns a few examples by heart and never sees the others.",
        "Take the next batch inside the loop: for x, y in loader, or next(batches) with batches = iter(loader) made "
        "once before it.",
    ),
    (
        "split-leakage",
        "exact",
        "The same examples are in the training part and in the part for evaluation.",
        "The score measures memory, and is too good.",
        "Split once, before any augmentation and by index or group, and remove duplicates.",
    ),
    (
        "degenerate-data",
        "exact",
        "The data are broken: one class only, empty pictures, or numbers that are none.",
        "Whatever is learned from them says nothing about the task.",
        "Look at the examples and labels as the net gets them, after all that is done to them (casts to whole numbers, "
        "crops, masks, augmentation), count the classes, and repair the step that loses them.",
    ),
)

PROTOCOL = _faults(
    "evaluation and protocol",
    (
        "wrong-accuracy",
        "exact",
        "The accuracy is computed wrongly.",
        "A wrong divisor, a mean of batch means or the wrong axis gives a number that is no share of right answers.",
        "Compare predictions and labels of the same shape, (n,) with (n,): the largest output of each example (dim=1). "
        "Sum the right answers over all batches, and divide by the number of examples.",
    ),
    (
        "test-set-selection",
        "exact",
        "The part that is reported is also the one that chose the model.",
        "The best of many looks is too good by luck; nothing is left that measures the model honestly.",
        "Choose by a validation part cut out of the training data, and touch the test part once, at the end.",
    ),
)

FAULTS: dict[str, Fault] = {
    fault.name: fault for fault in OUTPUT_AND_LOSS + OPTIMISATION + ARCHITECTURE + MODE_AND_STATE + DATA + PROTOCOL
}
