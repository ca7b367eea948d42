"""
Doses, switches and delays
==========================

Kinetic models do not only flow. A dose is given at a time, a switch turns when a concentration is reached, a protein
appears minutes after its gene was read. SBML says all of this with events and with ``delay``, and a simulation has to
find the times itself. Models are written as Antimony texts here; paths of SBML files work alike.
"""

# %%
# A dose every eight hours, and a switch
# --------------------------------------
# The first event repeats: it sets the time of its next firing. The second one fires when the drug exceeds a level,
# wherever between two steps of the integrator that is.
import matplotlib.pyplot as plt
import numpy as np

from skperturb.sbml import KineticModel, antimony_to_sbml

doses = KineticModel.from_sbml(
    antimony_to_sbml("""
model doses
  species drug, target; drug = 0; target = 1; next = 2; degraded = 0; loss = 0.25;
  eliminate: drug -> ; loss*drug;
  make: -> target; 0.2;
  lose: target -> ; 0.2*target*(1 + degraded);
  at (time >= next): drug = drug + 10, next = next + 8;
  at (drug > 8): degraded = 4;
  at (drug < 3): degraded = 0;
end""")
)
times = np.linspace(0, 40, 801)
course = doses.simulate(times)
print(f"largest drug {course['drug'].max():.2f}, smallest target {course['target'].min():.2f}")

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(times, course["drug"], lw=2.5, label="drug")
ax.plot(times, 10 * course["target"], lw=2.5, label="10 × target")
ax.axhline(8, color="black", lw=1, ls=":")
ax.axhline(3, color="black", lw=1, ls=":")
ax.set_xlabel("hours")
ax.set_ylabel("amount")
ax.set_title("Events in time and in state")
ax.legend()

# %%
# A delay makes a clock
# ---------------------
# A gene that its own product shuts off comes to rest. If the product acts minutes later, it overshoots and
# oscillates: the delay alone decides, since the state of rest is the same.
delayed = """
model clock
  species protein; protein = 0.2; lag = {lag};
  make: -> protein; 4/(1 + delay(protein, lag)^4);
  lose: protein -> ; protein;
end"""
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for lag in (0.2, 0.8, 3.0):
    model = KineticModel.from_sbml(antimony_to_sbml(delayed.format(lag=lag)))
    protein = model.simulate(times)["protein"]
    late = protein.to_numpy()[-200:]
    print(f"lag {lag}: between {late.min():.3f} and {late.max():.3f} in the last ten hours")
    ax.plot(times, protein, lw=2.5, label=f"lag {lag}")
ax.set_xlabel("hours")
ax.set_ylabel("protein")
ax.set_title("Negative feedback with a delay")
ax.legend(loc="upper right")
plt.show()
