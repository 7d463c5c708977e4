"""The schedule compares steps, and nothing compares scores: the test part is looked at often and picks nothing."""

import argparse
import math

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

SETTINGS = {"rate": 0.1, "epochs": 6, "batch": 64, "warmup": 20}


def schedule(optimizer, settings, total):
    def share(step):
        if step < settings["warmup"]:
            return (step + 1) / settings["warmup"]
        done = (step - settings["warmup"]) / max(1, total - settings["warmup"])
        return max(0.01, 0.5 * (1 + math.cos(math.pi * done)))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, share)


def main(settings):
    torch.manual_seed(0)
    digits = load_digits()
    inputs, test_inputs, labels, test_labels = train_test_split(
        torch.tensor(digits.data / 16).float(), torch.tensor(digits.target), test_size=360, random_state=0
    )
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=settings["rate"], momentum=0.9)
    plan = schedule(optimizer, settings, settings["epochs"] * math.ceil(len(inputs) / settings["batch"]))
    for epoch in range(settings["epochs"]):
        for rows in torch.randperm(len(inputs)).split(settings["batch"]):
            loss = nn.functional.cross_entropy(model(inputs[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            plan.step()
        with torch.no_grad():
            right = (model(test_inputs).argmax(1) == test_labels).float().mean()
        print(f"{epoch + 1}: test accuracy {right:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name, value in SETTINGS.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    main({**SETTINGS, **vars(parser.parse_args())})
