"""Cell cycle and calcium."""

from skperturb.datasets._reaction_model import ReactionModel

__all__ = ["MODELS"]


def _receptor_states() -> str:
    """Return the 12 transitions between the receptor states x_ijk of De Young and Keizer.

    i: inositol trisphosphate bound, j: activating calcium bound, k: inhibiting calcium bound.
    """
    reactions = []
    for first in "01":
        for second in "01":
            # The inhibiting site changes the affinity for inositol trisphosphate, and the reverse.
            ip3, inhibition = ("1", "3")[second == "1"], ("4", "2")[first == "1"]
            steps = (
                (f"x0{first}{second}", f"x1{first}{second}", ip3, "IP3"),
                (f"x{first}0{second}", f"x{first}1{second}", "5", "Ca"),
                (f"x{first}{second}0", f"x{first}{second}1", inhibition, "Ca"),
            )
            reactions += [f"{a} <-> {b} : a{n} * ({ligand} * {a} - d{n} * {b})" for a, b, n, ligand in steps]
    return "\n".join(reactions)


MODELS = (
    ReactionModel(
        name="cell_cycle_tyson",
        reference="Tyson, J. J. Modeling the cell division cycle: cdc2 and cyclin interactions. PNAS 88, "
        "7328-7332 (1991).",
        doi="10.1073/pnas.88.16.7328",
        note="Published constants but k6 = 0.1 (published: 1, where it oscillates), and k8 and k9 are slower "
        "by a factor of 10,000 at the same ratio; stable steady state of high MPF activity. Time in minutes.",
        text="""
        species C2 = 0, CP = 0.75, pM = 0.25, M = 0, Y = 0, YP = 0
        parameter k1 = 0.015, k3 = 200, k4 = 180, k4_basal = 0.018, k6 = 0.1, k7 = 0.6, k8 = 100, k9 = 0.1
        total_cdc2 := C2 + CP + pM + M
        -> Y : k1
        CP + Y -> pM ; k3
        pM -> M : pM * (k4_basal + k4 * (M / total_cdc2)^2)
        M -> C2 + YP ; k6
        YP -> ; k7
        C2 <-> CP ; k8, k9
        """,
    ),
    ReactionModel(
        name="mitotic_cascade_goldbeter",
        reference="Goldbeter, A. A minimal cascade model for the mitotic oscillator involving cyclin and cdc2 "
        "kinase. PNAS 88, 9107-9111 (1991).",
        doi="10.1073/pnas.88.20.9107",
        note="Published equations; the Michaelis constants K = 0.1 (published: 0.005, where it oscillates) "
        "are ours and give a stable steady state. Time in minutes.",
        text="""
        species C = 0.01, M = 0.01, M_inactive = 0.99, X = 0.01, X_inactive = 0.99
        parameter v_i = 0.025, v_d = 0.25, K_d = 0.02, k_d = 0.01, V_M1 = 3, V_2 = 1.5, V_M3 = 1, V_4 = 0.5
        parameter K_c = 0.5, K = 0.1
        -> C : v_i
        C -> : v_d * X * C / (K_d + C) + k_d * C
        M_inactive -> M : V_M1 * C / (K_c + C) * M_inactive / (K + M_inactive)
        M -> M_inactive : V_2 * M / (K + M)
        X_inactive -> X : V_M3 * M * X_inactive / (K + X_inactive)
        X -> X_inactive : V_4 * X / (K + X)
        """,
    ),
    ReactionModel(
        name="cell_cycle_novak_tyson",
        reference="Novak, B. & Tyson, J. J. Numerical analysis of a comprehensive model of M-phase control in "
        "Xenopus oocyte extracts and intact embryos. Journal of Cell Science 106, 1153-1168 (1993).",
        note="Published constants but a cyclin synthesis of 0.3 per minute (published: 1, where it "
        "oscillates), at which the extract is arrested in interphase. The inactive forms of the four "
        "enzymes are written as species, so that each pair is conserved.",
        text="""
        species cyclin = 0, cdc2 = 100, dimer = 0, dimer_T = 0, dimer_Y = 0, dimer_YT = 0
        species cdc25 = 1, cdc25_p = 0, wee1 = 1, wee1_p = 0, IE = 1, IE_p = 0, UbE = 1, UbE_p = 0
        parameter k1 = 0.3, k3 = 0.01, k_inh = 0.025, k_cak = 0.25, V25 = 0.1, V25_p = 2, V_wee_p = 0.1, V_wee = 1
        parameter V2 = 0.015, V2_p = 1, k_a = 0.01, K_a = 0.1, k_b = 0.125, K_b = 0.1, k_e = 0.0133, K_e = 0.3
        parameter k_f = 0.1, K_f = 0.3, k_g = 0.0065, K_g = 0.01, k_h = 0.087, K_h = 0.01
        parameter k_c = 0.1, K_c = 0.01, k_d = 0.095, K_d = 0.01
        k25 := V25 * cdc25 + V25_p * cdc25_p
        k_wee := V_wee_p * wee1_p + V_wee * wee1
        k2 := V2 * UbE + V2_p * UbE_p
        -> cyclin : k1
        cyclin -> ; k2
        cyclin + cdc2 -> dimer ; k3
        dimer <-> dimer_T ; k_cak, k_inh
        dimer_Y <-> dimer_YT ; k_cak, k_inh
        dimer <-> dimer_Y ; k_wee, k25
        dimer_T <-> dimer_YT ; k_wee, k25
        dimer -> cdc2 ; k2
        dimer_T -> cdc2 ; k2
        dimer_Y -> cdc2 ; k2
        dimer_YT -> cdc2 ; k2
        cdc25 -> cdc25_p : k_a * dimer_T * cdc25 / (K_a + cdc25)
        cdc25_p -> cdc25 : k_b * cdc25_p / (K_b + cdc25_p)
        wee1 -> wee1_p : k_e * dimer_T * wee1 / (K_e + wee1)
        wee1_p -> wee1 : k_f * wee1_p / (K_f + wee1_p)
        IE -> IE_p : k_g * dimer_T * IE / (K_g + IE)
        IE_p -> IE : k_h * IE_p / (K_h + IE_p)
        UbE -> UbE_p : k_c * IE_p * UbE / (K_c + UbE)
        UbE_p -> UbE : k_d * UbE_p / (K_d + UbE_p)
        """,
    ),
    ReactionModel(
        name="calcium_li_rinzel",
        reference="Li, Y.-X. & Rinzel, J. Equations for InsP3 receptor-mediated [Ca2+]i oscillations derived from "
        "a detailed kinetic model: a Hodgkin-Huxley like formalism. Journal of Theoretical Biology 166, "
        "461-473 (1994).",
        doi="10.1006/jtbi.1994.1041",
        note="Constants of De Young and Keizer (1992), at an inositol trisphosphate concentration of 0.25 "
        "micromolar, below the oscillatory range. The gating variable h has a rate rule. Time in seconds.",
        text="""
        compartment er = 0.185
        species Ca = 0.1, h = 0.7
        species[er] Ca_er = 10
        parameter IP3 = 0.25, v1 = 6, v2 = 0.11, v3 = 0.9, k3 = 0.1, d1 = 0.13, d2 = 1.049, d3 = 0.9434, d5 = 0.08234
        parameter a2 = 0.2
        Q := d2 * (IP3 + d1) / (IP3 + d3)
        m := IP3 / (IP3 + d1) * Ca / (Ca + d5)
        Ca_er <-> Ca : (v1 * m^3 * h^3 + v2) * (Ca_er - Ca)
        Ca -> Ca_er : v3 * Ca^2 / (k3^2 + Ca^2)
        h' = a2 * (Q * (1 - h) - Ca * h)
        """,
    ),
    ReactionModel(
        name="calcium_de_young_keizer",
        reference="De Young, G. W. & Keizer, J. A single-pool inositol 1,4,5-trisphosphate-receptor-based model "
        "for agonist-stimulated oscillations in Ca2+ concentration. PNAS 89, 9895-9899 (1992).",
        doi="10.1073/pnas.89.20.9895",
        note="Published constants at an inositol trisphosphate concentration of 0.25 micromolar, below the "
        "oscillatory range. Calcium and the receptor are conserved. Time in seconds.",
        text=f"""
        compartment er = 0.185
        species Ca = 0.1, x000 = 1, x100 = 0, x010 = 0, x001 = 0, x110 = 0, x101 = 0, x011 = 0, x111 = 0
        species[er] Ca_er = 10
        fixed IP3 = 0.25
        parameter v1 = 6, v2 = 0.11, v3 = 0.9, k3 = 0.1
        parameter a1 = 400, a2 = 0.2, a3 = 400, a4 = 0.2, a5 = 20
        parameter d1 = 0.13, d2 = 1.049, d3 = 0.9434, d4 = 0.1445, d5 = 0.08234
        Ca_er <-> Ca : (v1 * x110^3 + v2) * (Ca_er - Ca)
        Ca -> Ca_er : v3 * Ca^2 / (k3^2 + Ca^2)
        {_receptor_states()}
        """,
    ),
)
