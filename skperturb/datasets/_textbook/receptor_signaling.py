"""Signaling from receptors to the nucleus."""

from skperturb.datasets._reaction_model import ReactionModel

__all__ = ["MODELS"]

_N_DELAY_STAGES = 8
_DELAY_STAGES = "\n".join(f"delay{stage} -> delay{stage + 1} ; k_stage" for stage in range(1, _N_DELAY_STAGES))
_DELAY_SPECIES = ", ".join(f"delay{stage} = 0" for stage in range(1, _N_DELAY_STAGES + 1))

MODELS = (
    ReactionModel(
        name="jak_stat_swameye",
        reference="Swameye, I. et al. Identification of nucleocytoplasmic cycling as a remote sensor in cellular "
        "signaling by databased modeling. PNAS 100, 1028-1033 (2003).",
        doi="10.1073/pnas.0237333100",
        note="Published rate constants; the time in the nucleus, a fixed delay of 6.4 minutes in the paper, is "
        "a chain of eight stages here, and the receptor activity is constant. STAT5 is conserved.",
        text=f"""
        species STAT = 1, STATp = 0, dimer = 0, nuclear = 0, {_DELAY_SPECIES}
        fixed receptor = 1
        parameter k1 = 0.021, k2 = 2.46, k3 = 0.1066, k4 = 0.1066, k_stage = 1.25
        STAT -> STATp : k1 * receptor * STAT
        2 STATp -> dimer : 0.5 * k2 * STATp^2
        dimer -> nuclear ; k3
        nuclear -> 2 delay1 ; k4
        {_DELAY_STAGES}
        delay{_N_DELAY_STAGES} -> STAT ; k_stage
        """,
    ),
    ReactionModel(
        name="tgf_beta_receptor_trafficking",
        reference="Vilar, J. M. G., Jansen, R. & Sander, C. Signal processing in the TGF-beta superfamily "
        "ligand-receptor network. PLoS Computational Biology 2, e3 (2006).",
        doi="10.1371/journal.pcbi.0020003",
        note="Published equations; the constant ligand concentration is ours. Time in minutes.",
        text="""
        species RI = 20, RII = 20, complex = 0, complex_endo = 0, RI_endo = 20, RII_endo = 20
        parameter ligand = 0.01, k_a = 1, k_cd = 0.0277777778, k_lid = 0.25, k_i = 0.333333333, k_r = 0.0333333333
        parameter p_RI = 8, p_RII = 4
        RI + RII -> complex : k_a * ligand * RI * RII
        complex -> : (k_cd + k_lid) * complex
        complex -> complex_endo ; k_i
        complex_endo -> RI + RII ; k_r
        -> RI : p_RI
        RI -> ; k_cd
        RI <-> RI_endo ; k_i, k_r
        -> RII : p_RII
        RII -> ; k_cd
        RII <-> RII_endo ; k_i, k_r
        """,
    ),
    ReactionModel(
        name="smad_nucleocytoplasmic_shuttling",
        reference="Schmierer, B., Tournier, A. L., Bates, P. A. & Hill, C. S. Mathematical modeling identifies Smad "
        "nucleocytoplasmic shuttling as a dynamic signal-interpreting system. PNAS 105, 6608-6613 (2008).",
        doi="10.1073/pnas.0710134105",
        note="Published constants, without the fluorescent fusion protein; the active receptor has a constant "
        "concentration of 1 nM. Both Smads are conserved. Time in seconds, volumes in picolitres.",
        text="""
        compartment nucleus = 1, cytosol = 2.27
        species[cytosol] S2_c = 60.6, pS2_c = 0, S4_c = 50.8, S24_c = 0, S22_c = 0
        species[nucleus] S2_n = 28.5, pS2_n = 0, S4_n = 50.8, S24_n = 0, S22_n = 0
        parameter receptor = 1, phosphatase = 1, k_phos = 0.000403708, k_dephos = 0.00656639
        parameter k_on = 0.00183926, k_off = 0.016, k_in = 0.00593, k_ex = 0.0126, k_in_complex = 0.0336348
        S2_c <-> S2_n : (k_in * S2_c - k_ex * S2_n) / cytosol
        pS2_c <-> pS2_n : (k_in * pS2_c - k_ex * pS2_n) / cytosol
        S4_c <-> S4_n : k_in * (S4_c - S4_n) / cytosol
        S24_c -> S24_n : k_in_complex * S24_c / cytosol
        S22_c -> S22_n : k_in_complex * S22_c / cytosol
        S2_c -> pS2_c : k_phos * receptor * S2_c
        pS2_n -> S2_n : k_dephos * phosphatase * pS2_n
        pS2_c + S4_c <-> S24_c ; k_on, k_off
        pS2_n + S4_n <-> S24_n ; k_on, k_off
        2 pS2_c <-> S22_c ; k_on, k_off
        2 pS2_n <-> S22_n ; k_on, k_off
        """,
    ),
    ReactionModel(
        name="egf_receptor_short_term",
        reference="Kholodenko, B. N., Demin, O. V., Moehren, G. & Hoek, J. B. Quantification of short term signaling "
        "by the epidermal growth factor receptor. Journal of Biological Chemistry 274, 30169-30181 (1999).",
        doi="10.1074/jbc.274.42.30169",
        note="Published constants. Concentrations in nanomolar, time in seconds.",
        text="""
        species EGF = 680, R = 100, Ra = 0, R2 = 0, RP = 0, PLCg = 105, R_PLCg = 0, R_PLCgP = 0, PLCgP = 0, PLCgP_I = 0
        species Grb = 85, R_G = 0, SOS = 34, R_G_S = 0, G_S = 0
        species Shc = 150, R_Sh = 0, R_ShP = 0, ShP = 0, R_Sh_G = 0, Sh_G = 0, R_Sh_G_S = 0, Sh_G_S = 0
        parameter k1 = 0.003, k1r = 0.06, k2 = 0.01, k2r = 0.1, k3 = 1, k3r = 0.01, V4 = 450, K4 = 50
        parameter k5 = 0.06, k5r = 0.2, k6 = 1, k6r = 0.05, k7 = 0.3, k7r = 0.006, V8 = 1, K8 = 100
        parameter k9 = 0.003, k9r = 0.05, k10 = 0.01, k10r = 0.06, k11 = 0.03, k11r = 0.0045
        parameter k12 = 0.0015, k12r = 0.0001, k13 = 0.09, k13r = 0.6, k14 = 6, k14r = 0.06
        parameter k15 = 0.3, k15r = 0.0009, V16 = 1.7, K16 = 340, k17 = 0.003, k17r = 0.1
        parameter k18 = 0.3, k18r = 0.0009, k19 = 0.01, k19r = 0.0214, k20 = 0.12, k20r = 0.00024
        parameter k21 = 0.003, k21r = 0.1, k22 = 0.03, k22r = 0.064, k23 = 0.1, k23r = 0.021
        parameter k24 = 0.009, k24r = 0.0429, k25 = 1, k25r = 0.03
        R + EGF <-> Ra ; k1, k1r
        2 Ra <-> R2 ; k2, k2r
        R2 <-> RP ; k3, k3r
        RP -> R2 : V4 * RP / (K4 + RP)
        RP + PLCg <-> R_PLCg ; k5, k5r
        R_PLCg <-> R_PLCgP ; k6, k6r
        R_PLCgP <-> RP + PLCgP ; k7, k7r
        PLCgP -> PLCg : V8 * PLCgP / (K8 + PLCgP)
        RP + Grb <-> R_G ; k9, k9r
        R_G + SOS <-> R_G_S ; k10, k10r
        R_G_S <-> RP + G_S ; k11, k11r
        G_S <-> Grb + SOS ; k12, k12r
        RP + Shc <-> R_Sh ; k13, k13r
        R_Sh <-> R_ShP ; k14, k14r
        R_ShP <-> ShP + RP ; k15, k15r
        ShP -> Shc : V16 * ShP / (K16 + ShP)
        R_ShP + Grb <-> R_Sh_G ; k17, k17r
        R_Sh_G <-> RP + Sh_G ; k18, k18r
        R_Sh_G + SOS <-> R_Sh_G_S ; k19, k19r
        R_Sh_G_S <-> Sh_G_S + RP ; k20, k20r
        ShP + Grb <-> Sh_G ; k21, k21r
        Sh_G + SOS <-> Sh_G_S ; k22, k22r
        Sh_G_S <-> ShP + G_S ; k23, k23r
        R_ShP + G_S <-> R_Sh_G_S ; k24, k24r
        PLCgP <-> PLCgP_I ; k25, k25r
        """,
    ),
    ReactionModel(
        name="wnt_beta_catenin",
        reference="Lee, E., Salic, A., Krüger, R., Heinrich, R. & Kirschner, M. W. The roles of APC and Axin derived "
        "from experimental and theoretical analysis of the Wnt pathway. PLoS Biology 1, e10 (2003).",
        doi="10.1371/journal.pbio.0000010",
        note="Published constants; the four fast binding equilibria are written as reactions whose "
        "dissociation constants are the published ones and whose rates are ours. Constant Wnt stimulus of "
        "0.2. Concentrations in nanomolar, time in minutes.",
        text="""
        species Dsh_i = 100, Dsh_a = 0, destruction_P = 0.005, destruction = 0.002, GSK3 = 50, APC_Axin = 0.001
        species APC = 98, bcat_destruction = 0.002, bcatP_destruction = 0.002, bcatP = 1, bcat = 25, Axin = 0.0005
        species TCF = 8, bcat_TCF = 7, bcat_APC = 2
        parameter W = 0.2, k1 = 0.182, k2 = 0.0182, k3 = 0.05, k4 = 0.267, k5 = 0.133, k6 = 0.0909, k6r = 0.909
        parameter K7 = 50, K8 = 120, k9 = 206, k10 = 206, k11 = 0.417, v12 = 0.423, k13 = 0.000257
        parameter v14 = 0.0000822, k15 = 0.167, K16 = 30, K17 = 1200, k_bind = 1
        Dsh_i -> Dsh_a : k1 * W * Dsh_i
        Dsh_a -> Dsh_i ; k2
        destruction -> GSK3 + APC_Axin : k3 * Dsh_a * destruction
        destruction <-> destruction_P ; k4, k5
        GSK3 + APC_Axin <-> destruction ; k6, k6r
        APC + Axin <-> APC_Axin : k_bind * (APC * Axin - K7 * APC_Axin)
        bcat + destruction_P <-> bcat_destruction : k_bind * (bcat * destruction_P - K8 * bcat_destruction)
        bcat_destruction -> bcatP_destruction ; k9
        bcatP_destruction -> destruction_P + bcatP ; k10
        bcatP -> ; k11
        -> bcat : v12
        bcat -> ; k13
        -> Axin : v14
        Axin -> ; k15
        bcat + TCF <-> bcat_TCF : k_bind * (bcat * TCF - K16 * bcat_TCF)
        bcat + APC <-> bcat_APC : k_bind * (bcat * APC - K17 * bcat_APC)
        """,
    ),
    ReactionModel(
        name="nf_kappa_b_lipniacki",
        reference="Lipniacki, T., Paszek, P., Brasier, A. R., Luxon, B. & Kimmel, M. Mathematical model of NF-kappaB "
        "regulatory module. Journal of Theoretical Biology 228, 195-215 (2004).",
        doi="10.1016/j.jtbi.2004.01.001",
        note="Published constants with a persistent stimulus (TR = 1), under which the oscillations are "
        "damped. The nucleus has a fifth of the cytoplasm's volume. Concentrations in micromolar, time in "
        "seconds.",
        text="""
        compartment nucleus = 0.2
        species IKKn = 0.2, IKKa = 0, IKKi = 0, IKKa_IkB = 0, IKKa_IkB_NFkB = 0, NFkB = 0.0003, A20 = 0.005
        species A20_mRNA = 0.00001, IkB = 0.0025, IkB_mRNA = 0.00001, IkB_NFkB = 0.059, target_mRNA = 0
        species[nucleus] NFkB_n = 0.002, IkB_n = 0.003, IkB_NFkB_n = 0.00007
        parameter TR = 1, k_prod = 0.000025, k_deg = 0.000125, k1 = 0.0025, k2 = 0.1, k3 = 0.0015
        parameter a1 = 0.5, a2 = 0.2, a3 = 1, t1 = 0.1, t2 = 0.1, c1a = 5e-7, c3a = 0.0004, c4a = 0.5, c5a = 0.0001
        parameter c6a = 0.00002, c1 = 5e-7, c3 = 0.0004, c4 = 0.5, c5 = 0.0003, c1c = 5e-7, c3c = 0.0004
        parameter i1 = 0.0025, i1a = 0.001, e1a = 0.0005, e2a = 0.01, k_v = 5
        -> IKKn : k_prod
        IKKn -> ; k_deg
        IKKn -> IKKa : TR * k1 * IKKn
        IKKa -> IKKi : k3 * IKKa + TR * k2 * IKKa * A20
        IKKa -> ; k_deg
        IKKi -> ; k_deg
        IKKa + IkB -> IKKa_IkB ; a2
        IKKa_IkB -> IKKa ; t1
        IKKa + IkB_NFkB -> IKKa_IkB_NFkB ; a3
        IKKa_IkB_NFkB -> IKKa + NFkB ; t2
        NFkB + IkB -> IkB_NFkB ; a1
        IkB_NFkB -> NFkB ; c6a
        NFkB -> NFkB_n ; i1
        NFkB_n + IkB_n -> IkB_NFkB_n ; a1
        IkB_NFkB_n -> IkB_NFkB : e2a * k_v * IkB_NFkB_n
        IkB -> IkB_n ; i1a
        IkB_n -> IkB : e1a * k_v * IkB_n
        -> IkB : c4a * IkB_mRNA
        IkB -> ; c5a
        -> IkB_mRNA : c1a * NFkB_n
        IkB_mRNA -> ; c3a
        -> A20 : c4 * A20_mRNA
        A20 -> ; c5
        -> A20_mRNA : c1 * NFkB_n
        A20_mRNA -> ; c3
        -> target_mRNA : c1c * NFkB_n
        target_mRNA -> ; c3c
        """,
    ),
    ReactionModel(
        name="insulin_signalling",
        reference="Sedaghat, A. R., Sherman, A. & Quon, M. J. A mathematical model of metabolic insulin signaling "
        "pathways. American Journal of Physiology - Endocrinology and Metabolism 283, E1084-E1101 (2002).",
        doi="10.1152/ajpendo.00571.2001",
        note="The model without feedback, with the published constants and constant insulin of 1e-9 mol/l "
        "(1e6 fM); the synthesis of receptors, slower by many orders of magnitude, is left out, so the "
        "receptor is conserved. Time in minutes, receptor states in femtomolar, the others in picomolar or "
        "in percent of their total.",
        text="""
        species R = 900, R_ins = 0, Rp_ins2 = 0, Rp_ins = 0, R_in = 100, Rp_ins2_in = 0, Rp_ins_in = 0
        species IRS = 1000, IRSp = 0, PI3K = 100, IRSp_PI3K = 0, PIP3 = 0.31, PIP2 = 99.4, PI34P2 = 0.29
        species Akt = 100, Aktp = 0, PKC = 100, PKCp = 0, GLUT4_in = 96, GLUT4 = 4
        fixed insulin = 1e6
        parameter k1 = 6e-8, k1r = 0.2, k2 = 6e-8, k2r = 20, k3 = 2500, k3r = 0.2, k4 = 0.000333333, k4r = 0.003
        parameter k4p = 0.0021, k4pr = 0.00021, k6 = 0.461, k7 = 4.16, k7r = 1.396, k8 = 0.000706, k8r = 10
        parameter k9s = 1.39, k9b = 0.13145, k9r = 42.15, k10 = 2.961, k10r = 2.77, k11r = 6.9315, k12r = 6.9315
        parameter k13 = 0.00696, k13r = 0.167, k14 = 0.11088, k14r = 0.001155
        parameter PTP = 1, PTEN = 1, SHIP = 1, Rp_ref = 897, PI3K_ref = 5, effect_ref = 9.09091
        k9 := (k9s + k9b) * IRSp_PI3K / PI3K_ref + k9b
        activation := (PIP3 - 0.31) / (3.1 - 0.31)
        effect := (0.2 * Aktp + 0.8 * PKCp) / effect_ref
        R + insulin <-> R_ins : k1 * insulin * R - k1r * R_ins
        R_ins -> Rp_ins ; k3
        Rp_ins + insulin <-> Rp_ins2 : k2 * insulin * Rp_ins - k2r * Rp_ins2
        Rp_ins -> R : k3r * PTP * Rp_ins
        R <-> R_in ; k4, k4r
        Rp_ins2 <-> Rp_ins2_in ; k4p, k4pr
        Rp_ins <-> Rp_ins_in ; k4p, k4pr
        Rp_ins2_in -> R_in : k6 * PTP * Rp_ins2_in
        Rp_ins_in -> R_in : k6 * PTP * Rp_ins_in
        IRS <-> IRSp : k7 * IRS * (Rp_ins + Rp_ins2) / Rp_ref - k7r * PTP * IRSp
        IRSp + PI3K <-> IRSp_PI3K ; k8, k8r
        PIP2 <-> PIP3 : k9 * PIP2 - k9r * PTEN * PIP3
        PI34P2 <-> PIP3 : k10 * PI34P2 - k10r * SHIP * PIP3
        Akt <-> Aktp : 0.1 * k11r * activation * Akt - k11r * Aktp
        PKC <-> PKCp : 0.1 * k12r * activation * PKC - k12r * PKCp
        -> GLUT4_in : k14
        GLUT4_in -> ; k14r
        GLUT4_in <-> GLUT4 : (k13 + (40 / 60 - 4 / 96) * k13r * effect) * GLUT4_in - k13r * GLUT4
        """,
    ),
    ReactionModel(
        name="apoptosome_caspase_activation",
        reference="Legewie, S., Blüthgen, N. & Herzel, H. Mathematical modeling identifies inhibitors of apoptosis as "
        "mediators of positive feedback and bistability. PLoS Computational Biology 2, e120 (2006).",
        doi="10.1371/journal.pcbi.0020120",
        note="Wild type with the published constants. Bistable. A: Apaf-1, C9 and C3: caspases, X: XIAP; "
        "concentrations in nanomolar, time in seconds.",
        text="""
        species A = 20, C9 = 20, C9X = 0, X = 40, AC9X = 0, AC9 = 0, C3 = 200, C3a = 0, C3aX = 0
        species C9aX = 0, C9a = 0, AC9a = 0, AC9aX = 0
        parameter k1 = 0.002, k1r = 0.1, k2 = 5e-6, k3 = 0.00035, k4 = 0.0002, k5 = 0.0002, k6 = 5e-5, k7 = 0.0035
        parameter k_X = 0.001, k_Xr = 0.001, k15 = 0.003, k_deg = 0.001, s_A = 0.02, s_C9 = 0.02, s_X = 0.04, s_C3 = 0.2
        A + C9 <-> AC9 ; k1, k1r
        A + C9a <-> AC9a ; k1, k1r
        A + C9X <-> AC9X ; k1, k1r
        A + C9aX <-> AC9aX ; k1, k1r
        C3 -> C3a : k2 * C3 * C9
        C3 -> C3a : k3 * C3 * AC9
        C3 -> C3a : k6 * C3 * C9a
        C3 -> C3a : k7 * C3 * AC9a
        C9 -> C9a : k4 * C9 * C3a
        AC9 -> AC9a : k5 * AC9 * C3a
        C9 + X <-> C9X ; k_X, k_Xr
        AC9 + X <-> AC9X ; k_X, k_Xr
        C9a + X <-> C9aX ; k_X, k_Xr
        AC9a + X <-> AC9aX ; k_X, k_Xr
        C3a + X <-> C3aX ; k15, k_Xr
        -> A : s_A
        -> C9 : s_C9
        -> X : s_X
        -> C3 : s_C3
        A -> ; k_deg
        C9 -> ; k_deg
        X -> ; k_deg
        C3 -> ; k_deg
        C9X -> ; k_deg
        AC9X -> ; k_deg
        AC9 -> ; k_deg
        C3a -> ; k_deg
        C3aX -> ; k_deg
        C9aX -> ; k_deg
        C9a -> ; k_deg
        AC9a -> ; k_deg
        AC9aX -> ; k_deg
        """,
    ),
)
