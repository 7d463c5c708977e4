# port of our old tf.contrib.layers digits example
import numpy as np
import torch
from sklearn.datasets import load_digits

torch.manual_seed(5)
np.random.seed(5)
VARS = {}


def get_variable(name, shape, scale):
    if name not in VARS:
        VARS[name] = (torch.randn(*shape) * scale).requires_grad_()
    return VARS[name]


def fully_connected(inputs, num_outputs, scope, activation_fn=torch.relu):
    fan_in = inputs.shape[1]
    w = get_variable(scope + "/weights", (fan_in, num_outputs), (2.0 / fan_in) ** 0.5)
    b = get_variable(scope + "/biases", (num_outputs,), 0.0)
    out = inputs @ w + b
    return out if activation_fn is None else activation_fn(out)


def inference(images):
    net = fully_connected(images, 96, "fc1")
    net = fully_connected(net, 48, "fc2")
    return fully_connected(net, 10, "logits", activation_fn=None)


digits = load_digits()
images = digits.data.astype(np.float32) / 8.0 - 1.0
labels = digits.target.astype(np.int64)
perm = np.random.permutation(len(images))
tr, te = perm[:1300], perm[1300:]
inference(torch.from_numpy(images[:1]))  # build the graph
train_op = torch.optim.SGD(list(VARS.values()), lr=0.05, momentum=0.9)


def next_batch(size):
    while True:
        shuffled = np.random.permutation(tr)
        for i in range(0, len(shuffled) - size + 1, size):
            yield torch.from_numpy(images[shuffled[i:i + size]]), torch.from_numpy(labels[shuffled[i:i + size]])


feed = next_batch(50)
for step in range(400):
    x, y_ = next(feed)
    cross_entropy = torch.nn.functional.cross_entropy(inference(x), y_)
    train_op.zero_grad()
    cross_entropy.backward()
    train_op.step()
    if step % 100 == 0:
        print("step %d, loss %g" % (step, cross_entropy.item()))

with torch.no_grad():
    correct_prediction = inference(torch.from_numpy(images[te])).argmax(1).numpy() == labels[te]
accuracy = float(correct_prediction.mean())
print("test accuracy %g" % accuracy)
