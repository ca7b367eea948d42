"""Populations: predators and their prey, epidemics."""

from skperturb.datasets._reaction_model import ReactionModel

__all__ = ["MODELS"]

MODELS = (
    ReactionModel(
        name="predator_prey_carrying_capacity",
        reference="Rosenzweig, M. L. & MacArthur, R. H. Graphical representation and stability conditions of "
        "predator-prey interactions. American Naturalist 97, 209-223 (1963).",
        doi="10.1086/282272",
        note="The rate constants are ours; the carrying capacity is below the Hopf bifurcation.",
        text="""
        species prey = 1, predator = 0.5
        parameter r = 1, K = 2, a = 1, h = 0.8, e = 0.6, m = 0.4
        -> prey : r * prey * (1 - prey / K)
        prey -> : a * prey * predator / (1 + a * h * prey)
        -> predator : e * a * prey * predator / (1 + a * h * prey)
        predator -> ; m
        """,
    ),
    ReactionModel(
        name="lotka_volterra",
        reference="Lotka, A. J. Elements of Physical Biology. Williams & Wilkins, Baltimore (1925); Volterra, V. "
        "Fluctuations in the abundance of a species considered mathematically. Nature 118, 558-560 (1926).",
        doi="10.1038/118558a0",
        note="The rate constants are ours. Without a carrying capacity the cycles are neutrally stable: the "
        "model reaches no steady state.",
        text="""
        species prey = 1, predator = 0.5
        parameter birth = 1, predation = 1, efficiency = 0.6, death = 0.5
        -> prey : birth * prey
        prey -> : predation * prey * predator
        -> predator : efficiency * predation * prey * predator
        predator -> ; death
        """,
    ),
    ReactionModel(
        name="sir_epidemic_vital_dynamics",
        reference="Kermack, W. O. & McKendrick, A. G. A contribution to the mathematical theory of epidemics. "
        "Proceedings of the Royal Society A 115, 700-721 (1927).",
        doi="10.1098/rspa.1927.0118",
        note="With births and deaths at the same rate; the rate constants are ours (basic reproduction number 4).",
        text="""
        species S = 0.95, I = 0.05, R = 0
        parameter beta = 0.44, gamma = 0.1, mu = 0.01
        -> S : mu
        S -> I : beta * S * I
        I -> R ; gamma
        S -> ; mu
        I -> ; mu
        R -> ; mu
        """,
    ),
    ReactionModel(
        name="seir_epidemic_two_patches",
        reference="Anderson, R. M. & May, R. M. Infectious Diseases of Humans: Dynamics and Control. Oxford "
        "University Press (1991).",
        note="Two coupled populations with vital dynamics, waning immunity and migration of the healthy; the "
        "rate constants are ours.",
        text="""
        species S1 = 0.9, E1 = 0, I1 = 0.1, R1 = 0, S2 = 1, E2 = 0, I2 = 0, R2 = 0
        parameter beta1 = 0.6, beta2 = 0.4, coupling = 0.1, sigma = 0.2, gamma = 0.1, omega = 0.02, mu = 0.01
        parameter migration12 = 0.02, migration21 = 0.03
        S1 -> E1 : beta1 * S1 * (I1 + coupling * I2)
        S2 -> E2 : beta2 * S2 * (I2 + coupling * I1)
        E1 -> I1 ; sigma
        E2 -> I2 ; sigma
        I1 -> R1 ; gamma
        I2 -> R2 ; gamma
        R1 -> S1 ; omega
        R2 -> S2 ; omega
        S1 <-> S2 ; migration12, migration21
        R1 <-> R2 ; migration12, migration21
        -> S1 : mu
        -> S2 : mu
        S1 -> ; mu
        E1 -> ; mu
        I1 -> ; mu
        R1 -> ; mu
        S2 -> ; mu
        E2 -> ; mu
        I2 -> ; mu
        R2 -> ; mu
        """,
    ),
)
