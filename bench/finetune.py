"""Adaptation against PEFT and PyTorch: the same base, rows, rates and beginning.

    finetune.py peer MODEL ROWS METHOD STEPS BATCH RATE RANK THREADS [LORA]   one line of JSON

The base is the GGUF file itself, in single precision as transformers reads it. Rows are lines
of JSON, {"text": ...}, that are so many tokens for both sides. LORA is written to begin with.
Used by compare.py, which runs ours on the same rows: one step of ours is all rows of a batch,
so with as many rows as a batch has the order does not matter.
"""
import json
import math
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGETS = ["q_proj", "v_proj"]


def load(path):
    import torch
    import transformers
    path = pathlib.Path(path)
    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, torch_dtype=torch.float32)
    return tokenizer, model


def make_rows(model, out, n_rows, n_tokens):
    """Texts of the catalogue that are n_tokens + 1 tokens for whoever cuts them."""
    import transformers
    path = pathlib.Path(model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    beats = [beat["en"] for film in sorted((ROOT / "data" / "catalogue").glob("*.json"))
             for beat in json.loads(film.read_text())["beats"]]
    token = tokenizer(" ".join(beats), add_special_tokens=False)["input_ids"]
    rows, at = [], 0
    while len(rows) < n_rows and at + n_tokens + 1 < len(token):
        text = tokenizer.decode(token[at:at + n_tokens + 1])
        again = tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(again) == n_tokens + 1 and text == text.strip():
            rows.append(text)
            at += n_tokens + 1
        else:
            at += 1
    pathlib.Path(out).write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
    return len(rows)


def lora_of(model, rank):
    """Where every A begins: numbers that both sides can write down."""
    import torch
    for name, value in model.named_parameters():
        if "lora_A" in name:
            n = value.numel()
            with torch.no_grad():
                wave = torch.sin(torch.arange(1, n + 1, dtype=torch.float64) * 12.9898) * 43758.5453
                value.copy_(((wave - wave.floor()) * 2 - 1).reshape(value.shape)
                            / math.sqrt(value.shape[1]))


def write_lora(model, path, rank, alpha, architecture="llama"):
    import gguf
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    for name, value in model.named_parameters():
        if "lora_" not in name:
            continue
        layer = name.split(".layers.")[1].split(".")[0]
        matrix = {"q_proj": "attn_q", "v_proj": "attn_v"}[name.split(".self_attn.")[1].split(".")[0]]
        side = "lora_a" if "lora_A" in name else "lora_b"
        writer.add_tensor(f"blk.{layer}.{matrix}.weight.{side}", value.detach().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def peer(model_path, rows_path, method, steps, batch, rate, rank, threads, lora=None):
    import torch
    from peer import peak_mib
    steps, batch, rate, rank, threads = int(steps), int(batch), float(rate), int(rank), int(threads)
    torch.set_num_threads(threads)
    tokenizer, model = load(model_path)
    if method == "lora":
        import peft
        model = peft.get_peft_model(model, peft.LoraConfig(
            r=rank, lora_alpha=2 * rank, target_modules=TARGETS, lora_dropout=0.0))
        lora_of(model, rank)
        if lora:
            write_lora(model, lora, rank, 2.0 * rank)
    texts = [json.loads(row)["text"] for row in open(rows_path, encoding="utf-8")][:batch]
    ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts])
    learnt = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=rate, betas=(0.9, 0.999), weight_decay=0.0)
    model.train()
    losses, seconds = [], []
    for step in range(steps):
        begin = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
        total = 0.0
        for row in ids:  # one row at a time, as ours: memory is what is compared
            loss = model(input_ids=row[None], labels=row[None]).loss
            (loss / len(ids)).backward()
            total += float(loss.detach()) / len(ids)
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(total)
        seconds.append(time.perf_counter() - begin)
    seconds = sorted(seconds[1:] or seconds)
    rate_of = batch * (ids.shape[1] - 1) / seconds[len(seconds) // 2]
    print(json.dumps({"loss": losses, "tokens_per_s": rate_of, "peak_mib": peak_mib(),
                      "parameters": sum(p.numel() for p in learnt)}))


def losses_of(told):
    """Losses of every step in what `lm runs NAME --json` says."""
    for curve in told["curves"]:
        if curve["tag"] == "loss/train":
            return curve["value"]
    return []


def films(n):
    """Beats of films, a film a document."""
    paths = sorted((ROOT / "data" / "catalogue").glob("*.json"))[:n]
    return "\n\n".join("\n".join(beat["en"] for beat in json.loads(path.read_text())["beats"])
                       for path in paths)


if __name__ == "__main__" and sys.argv[1] == "peer":
    peer(*sys.argv[2:])
elif __name__ == "__main__" and sys.argv[1] == "rows":
    print(make_rows(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
