import argparse
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class TokenMixer(torch.nn.Module):
    """Every image row is a token; one encoder layer and mean pooling."""

    def __init__(self, width, heads, classes):
        super().__init__()
        self.embed = torch.nn.Linear(8, width)
        self.place = torch.nn.Parameter(torch.randn(8, width) * 0.02)
        self.encoder = torch.nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True)
        self.out = torch.nn.Linear(width, classes)

    def forward(self, rows):
        return self.out(self.encoder(self.embed(rows) + self.place).mean(1))


def main(argv=()):
    ap = argparse.ArgumentParser()
    ap.add_argument("--base-lr", type=float, default=0.004, help="for a batch of 64")
    ap.add_argument("--batch", type=int, default=64)
    ap.add_argument("--epochs", type=int, default=10)
    ap.add_argument("--seed", type=int, default=3)
    args = ap.parse_args(list(argv))
    torch.manual_seed(args.seed)
    d = load_digits()
    tr_x, te_x, tr_y, te_y = train_test_split(d.images / 16 - 0.305, d.target, test_size=500, random_state=args.seed)
    tr_x, te_x = (torch.tensor(a, dtype=torch.float32) / 0.376 for a in (tr_x, te_x))
    tr_y, te_y = torch.tensor(tr_y), torch.tensor(te_y)
    net = TokenMixer(32, 4, 10)
    lr = args.base_lr * args.batch  # <- fault
    opt = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=0.01)  # <- fault
    for epoch in range(args.epochs):
        net.train()
        losses = []
        for rows in torch.randperm(len(tr_x)).split(args.batch):
            loss = torch.nn.functional.cross_entropy(net(tr_x[rows]), tr_y[rows])
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            losses.append(loss.detach())
        print(f"{epoch} {torch.stack(losses).mean():.4f}")
    net.eval()
    with torch.no_grad():
        return (net(te_x).argmax(1) == te_y).double().mean().item()


if __name__ == "__main__":
    accuracy = main()
    print("accuracy", accuracy)
