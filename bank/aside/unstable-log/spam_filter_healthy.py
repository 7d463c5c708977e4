"""Spam or not, from word counts.  The likelihood is spelled out by hand."""
import torch
from torch import nn
from sklearn.metrics import accuracy_score

torch.manual_seed(2)
VOCAB, MAILS = 60, 1500


def write_mails(n):
    spam = (torch.rand(n) < 0.5).float()
    base = torch.full((VOCAB,), 0.7)
    base[:12] = 0.4
    tilt = torch.ones(VOCAB)
    tilt[:12] = 6.0
    rate = torch.where(spam[:, None] > 0, base * tilt, base)
    return torch.poisson(rate), spam


def log_lik_loss(score, target):
    return -(target * nn.functional.logsigmoid(score) + (1 - target) * nn.functional.logsigmoid(-score)).mean()


counts, is_spam = write_mails(MAILS)
feats = torch.log1p(counts)
feats = (feats - feats[:1100].mean(0)) / (feats[:1100].std(0) + 1e-6)
x_fit, x_new, y_fit, y_new = feats[:1100], feats[1100:], is_spam[:1100], is_spam[1100:]

filt = nn.Sequential(nn.Linear(VOCAB, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
optimiser = torch.optim.Adam(filt.parameters(), lr=0.01)
epoch = 0
while epoch < 14:
    for batch in torch.randperm(1100).split(44):
        optimiser.zero_grad()
        loss = log_lik_loss(filt(x_fit[batch]), y_fit[batch])
        loss.backward()
        optimiser.step()
    epoch += 1
    print("after", epoch, "passes:", loss.item())

filt.eval()
with torch.no_grad():
    flagged = filt(x_new) > 0
accuracy = float(accuracy_score(y_new.bool().numpy(), flagged.numpy()))
print("new mail accuracy", accuracy)
