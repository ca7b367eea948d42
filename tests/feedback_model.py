"""A model that is stable as a whole, but not while one of its variables is held."""

MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><minus/>'
# dA/dt = A - 2 B, and dB/dt = A - 1.5 B - 1 + 0.5: stable together, but A alone runs away.
FEEDBACK = f"""<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="feedback">
<listOfParameters><parameter id="A" value="2" constant="false"/><parameter id="B" value="1" constant="false"/>
</listOfParameters><listOfRules>
<rateRule variable="A">{MATH}<ci>A</ci><apply><times/><cn>2</cn><ci>B</ci></apply></apply></math></rateRule>
<rateRule variable="B">{MATH}<ci>A</ci><apply><plus/><apply><times/><cn>1.5</cn><ci>B</ci></apply><cn>0.5</cn></apply>
</apply></math></rateRule></listOfRules></model></sbml>
"""
