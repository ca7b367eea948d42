"""Covalent modification: kinases, phosphatases and what they sense."""

from skperturb.datasets._reaction_model import ReactionModel

__all__ = ["MODELS"]


def _catalysis(enzyme: str, substrate: str, product: str) -> str:
    complex_ = f"{enzyme}_{substrate}"
    return f"{enzyme} + {substrate} <-> {complex_} ; a, d\n{complex_} -> {enzyme} + {product} ; k"


# Enzyme, substrate, product of the ten steps of Huang and Ferrell.
_CASCADE = (
    ("E1", "KKK", "KKKp"),
    ("E2", "KKKp", "KKK"),
    ("KKKp", "KK", "KKp"),
    ("KKPase", "KKp", "KK"),
    ("KKKp", "KKp", "KKpp"),
    ("KKPase", "KKpp", "KKp"),
    ("KKpp", "K", "Kp"),
    ("KPase", "Kp", "K"),
    ("KKpp", "Kp", "Kpp"),
    ("KPase", "Kpp", "Kp"),
)
_CASCADE_COMPLEXES = ", ".join(f"{enzyme}_{substrate} = 0" for enzyme, substrate, _ in _CASCADE)
_CASCADE_REACTIONS = "\n".join(_catalysis(*step) for step in _CASCADE)

# Probability that a chemotaxis receptor with m methyl groups is active, without and with attractant.
_ACTIVITY_FREE = (0.0, 0.1, 0.5, 0.75, 1.0)
_ACTIVITY_BOUND = (0.0, 0.02, 0.15, 0.5, 1.0)


def _chemotaxis_receptors() -> str:
    lines = [f"U{m} + L <-> B{m} : k_on * (L * U{m} - K_L * B{m})" for m in range(5)]
    for state, activity in (("U", _ACTIVITY_FREE), ("B", _ACTIVITY_BOUND)):
        for m in range(4):
            lines.append(f"{state}{m} -> {state}{m + 1} : k_R * {1 - activity[m]:g} * {state}{m} / (K_R + inactive)")
            lines.append(f"{state}{m + 1} -> {state}{m} : k_B * CheBp * {activity[m + 1]:g} * {state}{m + 1}")
    return "\n".join(lines)


def _weighted(weights_free: list[float], weights_bound: list[float]) -> str:
    terms = [f"{w:g} * U{m}" for m, w in enumerate(weights_free) if w]
    return " + ".join(terms + [f"{w:g} * B{m}" for m, w in enumerate(weights_bound) if w])


MODELS = (
    ReactionModel(
        name="goldbeter_koshland_switch",
        reference="Goldbeter, A. & Koshland, D. E. An amplified sensitivity arising from covalent modification in "
        "biological systems. PNAS 78, 6840-6844 (1981).",
        doi="10.1073/pnas.78.11.6840",
        note="Elementary steps of both enzymes; the rate constants are ours.",
        text="""
        species W = 1, Wp = 0, E1 = 0.1, E2 = 0.1, E1_W = 0, E2_Wp = 0
        parameter a1 = 100, d1 = 4, k1 = 1.2, a2 = 100, d2 = 4, k2 = 1
        E1 + W <-> E1_W ; a1, d1
        E1_W -> E1 + Wp ; k1
        E2 + Wp <-> E2_Wp ; a2, d2
        E2_Wp -> E2 + W ; k2
        """,
    ),
    ReactionModel(
        name="mapk_cascade_huang_ferrell",
        reference="Huang, C.-Y. F. & Ferrell, J. E. Ultrasensitivity in the mitogen-activated protein kinase "
        "cascade. PNAS 93, 10078-10083 (1996).",
        doi="10.1073/pnas.93.19.10078",
        note="Published constants, with an input kinase E1 of 3e-06 micromolar, in the responsive range.",
        text=f"""
        species E1 = 3e-06, E2 = 0.0003, KKK = 0.003, KKKp = 0, KK = 1.2, KKp = 0, KKpp = 0
        species K = 1.2, Kp = 0, Kpp = 0, KKPase = 0.0003, KPase = 0.12
        species {_CASCADE_COMPLEXES}
        parameter a = 1000, d = 150, k = 150
        {_CASCADE_REACTIONS}
        """,
    ),
    ReactionModel(
        name="mapk_cascade_kholodenko",
        reference="Kholodenko, B. N. Negative feedback and ultrasensitivity can bring about oscillations in the "
        "mitogen-activated protein kinase cascades. European Journal of Biochemistry 267, 1583-1588 (2000).",
        doi="10.1046/j.1432-1327.2000.01197.x",
        note="Published constants but V1 = 0.27 nM/s and K_I = 30 nM (published: 2.5 and 9, where it "
        "oscillates), which gives a stable steady state.",
        text="""
        species KKK = 90, KKKp = 10, KK = 280, KKp = 10, KKpp = 10, K = 280, Kp = 10, Kpp = 10
        parameter V1 = 0.27, n = 1, K_I = 30, K1 = 10, V2 = 0.25, K2 = 8, k3 = 0.025, k4 = 0.025, Km = 15
        parameter V5 = 0.75, V6 = 0.75, k7 = 0.025, k8 = 0.025, V9 = 0.5, V10 = 0.5
        KKK -> KKKp : V1 * KKK / ((1 + (Kpp / K_I)^n) * (K1 + KKK))
        KKKp -> KKK : V2 * KKKp / (K2 + KKKp)
        KK -> KKp : k3 * KKKp * KK / (Km + KK)
        KKp -> KKpp : k4 * KKKp * KKp / (Km + KKp)
        KKpp -> KKp : V5 * KKpp / (Km + KKpp)
        KKp -> KK : V6 * KKp / (Km + KKp)
        K -> Kp : k7 * KKpp * K / (Km + K)
        Kp -> Kpp : k8 * KKpp * Kp / (Km + Kp)
        Kpp -> Kp : V9 * Kpp / (Km + Kpp)
        Kp -> K : V10 * Kp / (Km + Kp)
        """,
    ),
    ReactionModel(
        name="mapk_dual_phosphorylation",
        reference="Markevich, N. I., Hoek, J. B. & Kholodenko, B. N. Signaling switches and bistability arising "
        "from multisite phosphorylation in protein kinase cascades. Journal of Cell Biology 164, 353-359 (2004).",
        doi="10.1083/jcb.200308060",
        note="Ordered elementary mechanism with the published constants. Bistable. Concentrations in "
        "nanomolar, time in seconds.",
        text="""
        species M = 500, Mp = 0, Mpp = 0, MKK = 50, MKP = 100, M_MKK = 0, Mp_MKK = 0
        species Mpp_MKP = 0, Mp_MKP_dep = 0, Mp_MKP = 0, M_MKP = 0
        parameter k1 = 0.02, k1r = 1, k2 = 0.01, k3 = 0.032, k3r = 1, k4 = 15
        parameter h1 = 0.045, h1r = 1, h2 = 0.092, h3 = 1, h3r = 0.01, h4 = 0.01, h4r = 1, h5 = 0.5
        parameter h6 = 0.086, h6r = 0.0011
        M + MKK <-> M_MKK ; k1, k1r
        M_MKK -> Mp + MKK ; k2
        Mp + MKK <-> Mp_MKK ; k3, k3r
        Mp_MKK -> Mpp + MKK ; k4
        Mpp + MKP <-> Mpp_MKP ; h1, h1r
        Mpp_MKP -> Mp_MKP_dep ; h2
        Mp_MKP_dep <-> Mp + MKP ; h3, h3r
        Mp + MKP <-> Mp_MKP ; h4, h4r
        Mp_MKP -> M_MKP ; h5
        M_MKP <-> M + MKP ; h6, h6r
        """,
    ),
    ReactionModel(
        name="bacterial_chemotaxis",
        reference="Barkai, N. & Leibler, S. Robustness in simple biochemical networks. Nature 387, 913-917 (1997).",
        doi="10.1038/43199",
        note="Receptors of five methylation levels, with and without attractant; saturated CheR acts on "
        "inactive and CheB-P on active receptors. The rate constants, the activities of the levels and the "
        "phosphorylation of CheA, CheY and CheB are ours.",
        text=f"""
        species U0 = 0, U1 = 1, U2 = 3, U3 = 1, U4 = 0, B0 = 0, B1 = 0, B2 = 0, B3 = 0, B4 = 0
        species CheA = 5, CheAp = 0, CheY = 10, CheYp = 0, CheB = 2, CheBp = 0
        fixed L = 2
        parameter k_on = 10, K_L = 1, k_R = 0.5, K_R = 0.3, k_B = 0.4, k_A = 2, k_Y = 3, k_AB = 0.5, k_Z = 5, k_Bd = 0.5
        active := {_weighted(list(_ACTIVITY_FREE), list(_ACTIVITY_BOUND))}
        inactive := {_weighted([1 - a for a in _ACTIVITY_FREE], [1 - a for a in _ACTIVITY_BOUND])}
        {_chemotaxis_receptors()}
        CheA -> CheAp : k_A * active * CheA
        CheAp + CheY -> CheA + CheYp ; k_Y
        CheAp + CheB -> CheA + CheBp ; k_AB
        CheYp -> CheY ; k_Z
        CheBp -> CheB ; k_Bd
        """,
    ),
)
