"""Enzyme kinetics and metabolic pathways."""

from skperturb.datasets._reaction_model import ReactionModel

__all__ = ["MODELS"]

_PATHWAY = "\n".join(
    f"M{step} <-> M{step + 1} : V{step} * (M{step} - M{step + 1} / q) / (K + M{step} + M{step + 1})"
    for step in range(1, 10)
)
_PATHWAY_RATES = ", ".join(f"V{step} = {2 + 0.3 * step:g}" for step in range(1, 10))

MODELS = (
    ReactionModel(
        name="michaelis_menten_inhibitor",
        reference="Michaelis, L. & Menten, M. L. Die Kinetik der Invertinwirkung. Biochemische Zeitschrift 49, "
        "333-369 (1913).",
        note="Elementary steps with a competitive inhibitor, a constant supply of substrate and removal of "
        "product; the rate constants are ours. Enzyme and inhibitor are conserved.",
        text="""
        species S = 1, E = 1, ES = 0, P = 0, I = 0.8, EI = 0
        parameter supply = 0.2, k1 = 2, k1r = 0.5, k2 = 1, ki = 1.5, kir = 0.6, removal = 0.4
        -> S : supply
        S + E <-> ES ; k1, k1r
        ES -> E + P ; k2
        E + I <-> EI ; ki, kir
        P -> ; removal
        """,
    ),
    ReactionModel(
        name="linear_pathway_feedback",
        reference="Heinrich, R. & Rapoport, T. A. A linear steady-state treatment of enzymatic chains. European "
        "Journal of Biochemistry 42, 89-95 (1974).",
        note="A chain of ten metabolites with reversible Michaelis-Menten steps whose end product inhibits "
        "the first step; the rate constants are ours.",
        text=f"""
        species {", ".join(f"M{step} = 0.1" for step in range(1, 11))}
        parameter supply = 1, Ki = 1.5, K = 1, q = 4, uptake = 1.5
        parameter {_PATHWAY_RATES}
        -> M1 : supply / (1 + (M10 / Ki)^2)
        {_PATHWAY}
        M10 -> : uptake * M10 / (K + M10)
        """,
    ),
    ReactionModel(
        name="selkov_glycolysis",
        reference="Sel'kov, E. E. Self-oscillations in glycolysis. 1. A simple kinetic model. European Journal "
        "of Biochemistry 4, 79-86 (1968).",
        doi="10.1111/j.1432-1033.1968.tb00175.x",
        note="Dimensionless form with the usual constants a = 0.08 and b = 0.6, at which the limit cycle "
        "is reached: the model oscillates.",
        text="""
        species ADP = 1, F6P = 1
        parameter a = 0.08, b = 0.6
        -> F6P : b
        F6P -> ADP : a * F6P + ADP^2 * F6P
        ADP -> : ADP
        """,
    ),
    ReactionModel(
        name="upper_glycolysis",
        reference="Sel'kov, E. E. Self-oscillations in glycolysis. 1. A simple kinetic model. European Journal "
        "of Biochemistry 4, 79-86 (1968).",
        doi="10.1111/j.1432-1033.1968.tb00175.x",
        note="Phosphofructokinase activated by AMP and inhibited by ATP, with hexokinase, aldolase and the "
        "adenine nucleotides around it; rate laws and constants are ours. The sum of the nucleotides is "
        "conserved.",
        text="""
        species Glucose = 1, G6P = 1, F6P = 0.3, F16BP = 0.5, Triose = 0.5, ATP = 2, ADP = 0.8, AMP = 0.2
        parameter v_in = 1, V_hk = 4, K_glc = 0.5, K_atp = 0.3, k_pgi = 20, k_pgir = 60
        parameter V_pfk = 12, K_f6p = 0.5, K_amp = 0.1, K_iatp = 3, k_ald = 3, k_aldr = 1
        parameter V_low = 8, K_tri = 1, K_adp = 0.3, k_use = 1.0, k_ak = 10, k_akr = 8
        -> Glucose : v_in
        Glucose + ATP -> G6P + ADP : V_hk * Glucose * ATP / ((K_glc + Glucose) * (K_atp + ATP))
        G6P <-> F6P ; k_pgi, k_pgir
        F6P + ATP -> F16BP + ADP : V_pfk * F6P * ATP * AMP / ((K_f6p + F6P) * (K_amp + AMP) * (K_iatp + ATP))
        F16BP <-> 2 Triose ; k_ald, k_aldr
        Triose + 2 ADP -> 2 ATP : V_low * Triose * ADP / ((K_tri + Triose) * (K_adp + ADP))
        ATP -> ADP : k_use * ATP
        2 ADP <-> ATP + AMP ; k_ak, k_akr
        """,
    ),
    ReactionModel(
        name="yeast_glycolysis",
        reference="Wolf, J. & Heinrich, R. Effect of cellular interaction on glycolytic oscillations in yeast: a "
        "theoretical investigation. Biochemical Journal 345, 321-334 (2000).",
        doi="10.1042/bj3450321",
        note="One cell and its medium, in terms of ATP and NADH, with elementary steps. Glucose uptake "
        "J_0 = 1.5 mM/min is ours (the published value oscillates) and gives a stable steady state.",
        text="""
        species Glc = 1, TP = 0.5, PGA = 0.3, Pyr = 1, Pyr_ex = 0.1, ATP = 2, ADP = 2, NADH = 0.3, NAD = 0.7
        parameter J_0 = 1.5, k1 = 100, K_I = 0.52, q = 4, k2 = 6, k3 = 16, k4 = 100, k5 = 1.28, k6 = 12
        parameter k = 1.8, kappa = 13
        -> Glc : J_0
        Glc + 2 ATP -> 2 TP + 2 ADP : k1 * Glc * ATP / (1 + (ATP / K_I)^q)
        TP + NAD -> PGA + NADH ; k2
        PGA + 2 ADP -> Pyr + 2 ATP : k3 * PGA * ADP
        Pyr + NADH -> NAD ; k4
        ATP -> ADP ; k5
        TP + NADH -> NAD ; k6
        Pyr <-> 0.1 Pyr_ex : kappa * (Pyr - Pyr_ex)
        Pyr_ex -> ; k
        """,
    ),
)
