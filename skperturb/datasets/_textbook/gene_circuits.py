"""Gene circuits: switches, oscillators, feed-forward loops, operons."""

from skperturb.datasets._reaction_model import ReactionModel

__all__ = ["MODELS"]

MODELS = (
    ReactionModel(
        name="toggle_switch",
        reference="Gardner, T. S., Cantor, C. R. & Collins, J. J. Construction of a genetic toggle switch in "
        "Escherichia coli. Nature 403, 339-342 (2000).",
        doi="10.1038/35002131",
        note="Dimensionless form; the rate constants are ours, in the bistable region.",
        text="""
        species u = 2, v = 0.5
        parameter alpha1 = 10, alpha2 = 8, beta = 2, gamma = 2
        -> u : alpha1 / (1 + v^beta)
        -> v : alpha2 / (1 + u^gamma)
        u -> : u
        v -> : v
        """,
    ),
    ReactionModel(
        name="repressilator",
        reference="Elowitz, M. B. & Leibler, S. A synthetic oscillatory network of transcriptional regulators. "
        "Nature 403, 335-338 (2000).",
        doi="10.1038/35002125",
        note="Dimensionless form. At the published alpha = 216 it oscillates; alpha = 2 and different "
        "translation rates of the three repressors are ours and give a stable steady state.",
        text="""
        species m_lacI = 1, m_tetR = 0, m_cI = 0, LacI = 1, TetR = 0, CI = 0
        parameter alpha = 2, alpha0 = 0.2, n = 2, beta_lacI = 5, beta_tetR = 4, beta_cI = 6
        -> m_lacI : alpha / (1 + CI^n) + alpha0
        -> m_tetR : alpha / (1 + LacI^n) + alpha0
        -> m_cI : alpha / (1 + TetR^n) + alpha0
        m_lacI -> : m_lacI
        m_tetR -> : m_tetR
        m_cI -> : m_cI
        -> LacI : beta_lacI * m_lacI
        -> TetR : beta_tetR * m_tetR
        -> CI : beta_cI * m_cI
        LacI -> : beta_lacI * LacI
        TetR -> : beta_tetR * TetR
        CI -> : beta_cI * CI
        """,
    ),
    ReactionModel(
        name="goodwin_oscillator",
        reference="Goodwin, B. C. Oscillatory behavior in enzymatic control processes. Advances in Enzyme "
        "Regulation 3, 425-438 (1965).",
        doi="10.1016/0065-2571(65)90067-1",
        note="The rate constants are ours; the Hill coefficient 4 is below the 8 that sustained oscillations "
        "need, so the steady state is stable.",
        text="""
        species mRNA = 0.1, enzyme = 0.1, repressor = 0.1
        parameter a = 1, K = 1, n = 4, k1 = 0.3, k2 = 0.2, b1 = 0.25, b2 = 0.2, b3 = 0.1
        -> mRNA : a * K^n / (K^n + repressor^n)
        mRNA -> ; b1
        -> enzyme : k1 * mRNA
        enzyme -> ; b2
        -> repressor : k2 * enzyme
        repressor -> ; b3
        """,
    ),
    ReactionModel(
        name="coherent_feed_forward_loop",
        reference="Mangan, S. & Alon, U. Structure and function of the feed-forward loop network motif. "
        "PNAS 100, 11980-11985 (2003).",
        doi="10.1073/pnas.2133841100",
        note="Type 1 with an AND gate. The rate constants are ours; X is a species here.",
        text="""
        species X = 0, Y = 0, Z = 0
        parameter signal = 1, beta_Y = 1.5, beta_Z = 2, K_XY = 0.4, K_XZ = 0.5, K_YZ = 0.7, alpha = 1, H = 2
        -> X : signal
        -> Y : beta_Y * X^H / (K_XY^H + X^H)
        -> Z : beta_Z * X^H / (K_XZ^H + X^H) * Y^H / (K_YZ^H + Y^H)
        X -> ; alpha
        Y -> ; alpha
        Z -> ; alpha
        """,
    ),
    ReactionModel(
        name="incoherent_feed_forward_loop",
        reference="Mangan, S. & Alon, U. Structure and function of the feed-forward loop network motif. "
        "PNAS 100, 11980-11985 (2003).",
        doi="10.1073/pnas.2133841100",
        note="Type 1 with messenger RNAs. The rate constants are ours; X is a species here.",
        text="""
        species X = 0, m_Y = 0, Y = 0, m_Z = 0, Z = 0
        parameter signal = 1, k_m = 2, k_p = 1, K_XY = 0.8, K_XZ = 0.6, K_YZ = 0.5, d_m = 1.2, d_p = 0.6, H = 2
        -> X : signal
        X -> ; d_p
        -> m_Y : k_m * X^H / (K_XY^H + X^H)
        m_Y -> ; d_m
        -> Y : k_p * m_Y
        Y -> ; d_p
        -> m_Z : k_m * X^H / (K_XZ^H + X^H) * K_YZ^H / (K_YZ^H + Y^H)
        m_Z -> ; d_m
        -> Z : k_p * m_Z
        Z -> ; d_p
        """,
    ),
    ReactionModel(
        name="lac_operon",
        reference="Yildirim, N. & Mackey, M. C. Feedback regulation in the lactose operon: a mathematical "
        "modeling study and comparison with experimental data. Biophysical Journal 84, 2841-2851 (2003).",
        doi="10.1016/S0006-3495(03)70013-7",
        note="Published constants; the delays of transcription and translation are left out, except for "
        "their dilution factors, which leaves the steady states unchanged. Time in minutes, "
        "concentrations in mM.",
        text="""
        species M = 0.000626, B = 0, A = 0.038, L = 0.372, P = 0.0149
        fixed L_e = 0.08
        parameter mu = 0.0226, gamma_M = 0.411, gamma_B = 0.000833, gamma_A = 0.52, gamma_P = 0.65
        parameter Gamma_0 = 7.25e-07, K = 7200, K_1 = 25200, K_A = 1.95, K_L = 0.97, K_L1 = 1.81, K_Le = 0.26
        parameter alpha_M = 0.000997, alpha_B = 0.0166, alpha_A = 17600, alpha_L = 2880, alpha_P = 10
        parameter beta_A = 21500, beta_L1 = 2650, tau_M = 0.1, tau_B = 2, tau_P = 0.83
        A_delayed := exp(-mu * tau_M) * A
        -> M : alpha_M * (1 + K_1 * A_delayed^2) / (K + K_1 * A_delayed^2) + Gamma_0
        M -> : (gamma_M + mu) * M
        -> B : alpha_B * exp(-mu * tau_B) * M
        B -> : (gamma_B + mu) * B
        L -> A : alpha_A * B * L / (K_L + L)
        A -> : beta_A * B * A / (K_A + A)
        A -> : (gamma_A + mu) * A
        -> L : alpha_L * P * L_e / (K_Le + L_e)
        L -> : beta_L1 * P * L / (K_L1 + L)
        L -> : mu * L
        -> P : alpha_P * exp(-mu * (tau_B + tau_P)) * M
        P -> : (gamma_P + mu) * P
        """,
    ),
    ReactionModel(
        name="p53_mdm2_feedback",
        reference="Geva-Zatorsky, N. et al. Oscillations and variability in the p53 system. Molecular Systems "
        "Biology 2, 2006.0033 (2006).",
        doi="10.1038/msb4100068",
        note="The negative feedback through an Mdm2 precursor. The saturation constant and the degradation "
        "rate of p53 are ours, large enough for a stable steady state.",
        text="""
        species p53 = 0, mdm2_precursor = 0.1, mdm2 = 0.8
        parameter beta_p53 = 0.9, alpha_p53 = 0.3, alpha_k = 1.7, k = 0.2
        parameter beta_mdm2 = 1.1, alpha_0 = 0.8, alpha_mdm2 = 0.8
        -> p53 : beta_p53
        p53 -> ; alpha_p53
        p53 -> : alpha_k * mdm2 * p53 / (p53 + k)
        -> mdm2_precursor : beta_mdm2 * p53
        mdm2_precursor -> mdm2 ; alpha_0
        mdm2 -> ; alpha_mdm2
        """,
    ),
    ReactionModel(
        name="period_clock",
        reference="Goldbeter, A. A model for circadian oscillations in the Drosophila period protein (PER). "
        "Proceedings of the Royal Society B 261, 319-324 (1995).",
        doi="10.1098/rspb.1995.0153",
        note="Published constants but v_d = 3 (published: 0.95, in the oscillatory region), which gives a "
        "stable steady state. Time in hours, concentrations in micromolar.",
        text="""
        species M = 0.1, P0 = 0.25, P1 = 0.25, P2 = 0.25, PN = 0.25
        parameter v_s = 0.76, v_m = 0.65, K_m = 0.5, k_s = 0.38, v_d = 3, K_d = 0.2, k1 = 1.9, k2 = 1.3
        parameter K_I = 1, n = 4, V1 = 3.2, V2 = 1.58, V3 = 5, V4 = 2.5, K1 = 2, K2 = 2, K3 = 2, K4 = 2
        -> M : v_s * K_I^n / (K_I^n + PN^n)
        M -> : v_m * M / (K_m + M)
        -> P0 : k_s * M
        P0 -> P1 : V1 * P0 / (K1 + P0)
        P1 -> P0 : V2 * P1 / (K2 + P1)
        P1 -> P2 : V3 * P1 / (K3 + P1)
        P2 -> P1 : V4 * P2 / (K4 + P2)
        P2 <-> PN ; k1, k2
        P2 -> : v_d * P2 / (K_d + P2)
        """,
    ),
    ReactionModel(
        name="period_timeless_clock",
        reference="Leloup, J.-C. & Goldbeter, A. A model for circadian rhythms in Drosophila incorporating the "
        "formation of a complex between the PER and TIM proteins. Journal of Biological Rhythms 13, "
        "70-87 (1998).",
        note="Published constants but the Hill coefficient n = 1 (published: 4, where it oscillates), which "
        "gives a stable steady state. Time in hours, concentrations in nanomolar.",
        text="""
        species M_P = 0.1, P0 = 0.1, P1 = 0.1, P2 = 0.1, M_T = 0.1, T0 = 0.1, T1 = 0.1, T2 = 0.1, C = 0.1, CN = 0.1
        parameter v_sP = 1, v_sT = 1, v_mP = 0.7, v_mT = 0.7, K_m = 0.2, k_sP = 0.9, k_sT = 0.9, v_dP = 2, v_dT = 2
        parameter K_I = 1, n = 1, K_d = 0.2, k_d = 0.01, V_1 = 8, V_2 = 1, V_3 = 8, V_4 = 1, K = 2
        parameter k1 = 0.6, k2 = 0.2, k3 = 1.2, k4 = 0.6
        -> M_P : v_sP * K_I^n / (K_I^n + CN^n)
        -> M_T : v_sT * K_I^n / (K_I^n + CN^n)
        M_P -> : v_mP * M_P / (K_m + M_P) + k_d * M_P
        M_T -> : v_mT * M_T / (K_m + M_T) + k_d * M_T
        -> P0 : k_sP * M_P
        -> T0 : k_sT * M_T
        P0 <-> P1 : V_1 * P0 / (K + P0) - V_2 * P1 / (K + P1)
        T0 <-> T1 : V_1 * T0 / (K + T0) - V_2 * T1 / (K + T1)
        P1 <-> P2 : V_3 * P1 / (K + P1) - V_4 * P2 / (K + P2)
        T1 <-> T2 : V_3 * T1 / (K + T1) - V_4 * T2 / (K + T2)
        P2 -> : v_dP * P2 / (K_d + P2)
        T2 -> : v_dT * T2 / (K_d + T2)
        P0 -> ; k_d
        P1 -> ; k_d
        P2 -> ; k_d
        T0 -> ; k_d
        T1 -> ; k_d
        T2 -> ; k_d
        P2 + T2 <-> C ; k3, k4
        C <-> CN ; k1, k2
        C -> ; k_d
        CN -> ; k_d
        """,
    ),
)
