#!/usr/bin/env python3
"""Write taste_cases.h: LinUCB and off-policy estimates computed with NumPy.

    python3 taste_cases.py > taste_cases.h      (needs numpy; the output is stored)

LinUCB by inverting A outright (Li et al. 2010, algorithm 1 with shared weights); estimates
by their formulas (Horvitz and Thompson; Swaminathan and Joachims; Dudik et al.). Features
are multiples of 1/16, so single precision holds them exactly.
"""
import numpy as np

from emit import emit

N_DIMS, N_LEARNED, N_ARMS, NOISE, RIDGE = 5, 30, 6, 0.5, 2.0
EXPLORATION, UNIFORM = 0.25, 0.1
N_LOG = 40

rng = np.random.default_rng(20261124)


def sixteenths(*shape):
    return rng.integers(-16, 17, shape) / 16


x = sixteenths(N_LEARNED, N_DIMS)
prior = rng.integers(0, 9, N_LEARNED) / 16
reward = rng.integers(0, 17, N_LEARNED) / 16
arms, arm_prior = sixteenths(N_ARMS, N_DIMS), rng.integers(0, 9, N_ARMS) / 16
inverse = np.linalg.inv(RIDGE * np.eye(N_DIMS) + x.T @ x)
theta = inverse @ (x.T @ (reward - prior))
mean = arms @ theta
sd = NOISE * np.sqrt(np.einsum("ai,ij,aj->a", arms, inverse, arms))
bound = arm_prior + mean + sd
propensity = np.full(N_ARMS, EXPLORATION * UNIFORM / N_ARMS)
propensity[np.argmax(bound)] += EXPLORATION * (1 - UNIFORM)
propensity[np.argmax(arm_prior + mean)] += 1 - EXPLORATION

logged = rng.integers(1, 16, N_LOG) / 16
target = rng.integers(0, 17, N_LOG) / 16
got = rng.integers(0, 2, N_LOG).astype(float)
model_shown, model_target = rng.integers(0, 17, (2, N_LOG)) / 16
w = target / logged
ips, snips = np.mean(w * got), np.sum(w * got) / np.sum(w)
robust = np.mean(model_target + w * (got - model_shown))

print("// Written by taste_cases.py; do not edit.")
print("#ifndef TASTE_CASES_H\n#define TASTE_CASES_H\n\n// clang-format off")
for name in ("N_DIMS", "N_LEARNED", "N_ARMS", "N_LOG"):
    print(f"#define CASE_{name} {globals()[name]}")
print(f"#define CASE_RIDGE {RIDGE}\n#define CASE_EXPLORATION {EXPLORATION}")
emit("float", "case_x", [float(v) for v in x.ravel()])
emit("double", "case_prior", [float(v) for v in prior])
emit("double", "case_reward", [float(v) for v in reward])
emit("float", "case_arms", [float(v) for v in arms.ravel()])
emit("double", "case_arm_prior", [float(v) for v in arm_prior])
emit("double", "case_mean", [float(v) for v in mean])
emit("double", "case_sd", [float(v) for v in sd])
emit("double", "case_propensity", [float(v) for v in propensity])
emit("double", "case_logged", [float(v) for v in logged])
emit("double", "case_target", [float(v) for v in target])
emit("double", "case_got", [float(v) for v in got])
emit("double", "case_model_shown", [float(v) for v in model_shown])
emit("double", "case_model_target", [float(v) for v in model_target])
emit("double", "case_estimates", [float(v) for v in (ips, snips, robust,
                                                     w.sum() ** 2 / (w ** 2).sum())])
print("// clang-format on\n\n#endif")
